// The names that POSIX and Linux have for what system calls do, for policies written in them. Data alone.

/** By system call: the names that stand for it; one that stands for several calls is with each. A system call's own name is not here. */
export const POSIX_NAMES: Readonly<Record<string, string>> = {
  fd_read: 'read readv',
  fd_pread: 'pread pread64 preadv preadv2',
  fd_write: 'write writev',
  fd_pwrite: 'pwrite pwrite64 pwritev pwritev2',
  path_open: 'open openat openat2 creat opendir fopen',
  fd_close: 'close',
  fd_seek: 'lseek _llseek fseek',
  fd_tell: 'lseek _llseek',
  fd_filestat_get: 'fstat fstat64',
  fd_mode: 'fstat fstat64',
  path_filestat_get: 'stat stat64 lstat lstat64 newfstatat fstatat fstatat64 statx access faccessat faccessat2',
  path_mode: 'stat stat64 lstat lstat64 newfstatat fstatat fstatat64 statx',
  fd_readdir: 'getdents getdents64 readdir',
  path_create_directory: 'mkdir mkdirat',
  path_remove_directory: 'rmdir unlinkat',
  path_unlink_file: 'unlink unlinkat',
  path_rename: 'rename renameat renameat2',
  path_link: 'link linkat',
  path_symlink: 'symlink symlinkat',
  path_readlink: 'readlink readlinkat',
  chmod: 'fchmodat fchmodat2',
  fd_filestat_set_size: 'truncate truncate64 ftruncate ftruncate64',
  fd_allocate: 'fallocate posix_fallocate',
  fd_advise: 'fadvise64 fadvise64_64 posix_fadvise readahead',
  fd_sync: 'fsync',
  fd_datasync: 'fdatasync',
  path_filestat_set_times: 'utime utimes utimensat utimensat_time64 futimesat',
  fd_filestat_set_times: 'futimens futimes',
  fd_fdstat_get: 'fcntl fcntl64',
  fd_fdstat_set_flags: 'fcntl fcntl64',
  fd_dup: 'dup fcntl fcntl64',
  fd_renumber: 'dup2 dup3',
  fd_pipe: 'pipe pipe2',
  isatty: 'ioctl',
  poll_oneoff:
    'poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_wait epoll_pwait epoll_pwait2 nanosleep clock_nanosleep clock_nanosleep_time64 sleep usleep',
  sleep_ms: 'nanosleep clock_nanosleep clock_nanosleep_time64 sleep usleep',
  clock_time_get: 'clock_gettime clock_gettime64 gettimeofday time',
  clock_res_get: 'clock_getres clock_getres_time64',
  random_get: 'getrandom getentropy',
  memory_grow: 'mmap mmap2 mremap brk sbrk',
  mem_map: 'mmap mmap2',
  mem_alloc: 'mmap mmap2',
  mem_unmap: 'munmap',
  mem_protect: 'mprotect pkey_mprotect',
  proc_spawn: 'execve execveat fork vfork clone clone3 posix_spawn system popen',
  proc_kill: 'kill tkill tgkill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo',
  proc_raise: 'raise',
  proc_getpid: 'getpid',
  proc_waitpid: 'wait waitpid wait4 waitid',
  proc_exit: 'exit exit_group _exit',
  sock_accept: 'accept accept4 socketcall',
  sock_recv: 'recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall',
  sock_send: 'send sendto sendmsg sendmmsg socketcall',
  sock_shutdown: 'shutdown socketcall',
  net_connect: 'socket connect socketcall',
  net_listen: 'socket bind listen socketcall',
  net_bind: 'socket bind socketcall',
  net_send_to: 'sendto sendmsg sendmmsg socketcall',
  net_recv_from: 'recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall',
  net_resolve: 'getaddrinfo gethostbyname',
  net_address: 'getsockname getpeername socketcall',
};

/** What processes have no system call for, so that a rule about it matches nothing: it is refused whatever a policy says. */
export const POSIX_ABSENT = `
_sysctl acct add_key adjtimex afs_syscall alarm arch_prctl arm_fadvise64_64 arm_sync_file_range bdflush bpf break breakpoint
cacheflush cachestat capget capset chdir chown chown32 chroot clock_adjtime clock_adjtime64 clock_settime clock_settime64
close_range copy_file_range create_module delete_module dlopen epoll_create epoll_create1 epoll_ctl epoll_ctl_old
epoll_wait_old eventfd eventfd2 fanotify_init fanotify_mark fchdir fchmod fchown fchown32 fchownat fgetxattr finit_module
flistxattr flock fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstatfs fstatfs64 ftime futex futex_requeue
futex_time64 futex_wait futex_waitv futex_wake get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu getcwd
getdomainname getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 gethostname getitimer getlogin getpgid
getpgrp getpmsg getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockopt gettid
getuid getuid32 getxattr getxattrat gtty idle init_module inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit io_uring_enter io_uring_register
io_uring_setup ioperm iopl ioprio_get ioprio_set ipc kcmp kexec_file_load kexec_load keyctl landlock_add_rule
landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr listmount listxattr listxattrat llistxattr llseek
lock lockf lookup_dcookie lremovexattr lsetxattr lsm_get_self_attr lsm_list_modules lsm_set_self_attr madvise map_shadow_stack
mbind membarrier memfd_create memfd_secret migrate_pages mincore mknod mknodat mlock mlock2 mlockall modify_ldt mount
mount_setattr move_mount move_pages mpx mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
mq_timedsend mq_timedsend_time64 mq_unlink mseal msgctl msgget msgrcv msgsnd msync munlock munlockall name_to_handle_at
nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open_by_handle_at open_tree pause pciconfig_iobase
pciconfig_read pciconfig_write perf_event_open personality pidfd_getfd pidfd_open pivot_root pkey_alloc pkey_free
prctl prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev prof profil pthread_create
ptrace putpmsg query_module quotactl quotactl_fd reboot remap_file_pages removexattr removexattrat request_key restart_syscall
riscv_flush_icache rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait
rt_sigtimedwait_time64 s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
sched_setaffinity sched_setattr sched_setparam sched_setscheduler seccomp security sem_open semctl semget semop semtimedop
semtimedop_time64 sendfile sendfile64 set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area set_tid_address
set_tls setdomainname setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 sethostname setitimer
setns setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
setsockopt settimeofday setuid setuid32 setxattr setxattrat sgetmask shm_open shm_unlink shmat shmctl shmdt shmget sigaction
sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socketpair splice ssetmask statfs statfs64
statmount stime stty swapoff swapon sync sync_file_range sync_file_range2 syncfs sysfs sysinfo syslog tee timer_create
timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
timerfd_gettime64 timerfd_settime timerfd_settime64 times tuxcall ugetrlimit ulimit umask umount umount2 uname unshare
uretprobe uselib userfaultfd ustat vhangup vm86 vm86old vmsplice vserver
`;
