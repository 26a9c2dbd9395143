// The 46 calls of wasi_snapshot_preview1 as raw imports, with the types and numbers they use.
// No length or pointer is checked or hidden here: a program may pass whatever it likes to the host.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint32_t errno_t;
typedef uint32_t fd_t;

#define WASI(call) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#call))) wasi_##call

errno_t WASI(args_get)(void *argv, void *buf);
errno_t WASI(args_sizes_get)(void *argc, void *buf_len);
errno_t WASI(environ_get)(void *environ, void *buf);
errno_t WASI(environ_sizes_get)(void *count, void *buf_len);
errno_t WASI(clock_res_get)(uint32_t clock, void *resolution);
errno_t WASI(clock_time_get)(uint32_t clock, uint64_t precision, void *time);
errno_t WASI(fd_advise)(fd_t fd, uint64_t offset, uint64_t len, uint32_t advice);
errno_t WASI(fd_allocate)(fd_t fd, uint64_t offset, uint64_t len);
errno_t WASI(fd_close)(fd_t fd);
errno_t WASI(fd_datasync)(fd_t fd);
errno_t WASI(fd_fdstat_get)(fd_t fd, void *stat);
errno_t WASI(fd_fdstat_set_flags)(fd_t fd, uint32_t flags);
errno_t WASI(fd_fdstat_set_rights)(fd_t fd, uint64_t base, uint64_t inheriting);
errno_t WASI(fd_filestat_get)(fd_t fd, void *stat);
errno_t WASI(fd_filestat_set_size)(fd_t fd, uint64_t size);
errno_t WASI(fd_filestat_set_times)(fd_t fd, uint64_t atim, uint64_t mtim, uint32_t flags);
errno_t WASI(fd_pread)(fd_t fd, const void *iovs, size_t iovs_len, uint64_t offset, void *nread);
errno_t WASI(fd_prestat_get)(fd_t fd, void *prestat);
errno_t WASI(fd_prestat_dir_name)(fd_t fd, void *path, size_t path_len);
errno_t WASI(fd_pwrite)(fd_t fd, const void *iovs, size_t iovs_len, uint64_t offset, void *nwritten);
errno_t WASI(fd_read)(fd_t fd, const void *iovs, size_t iovs_len, void *nread);
errno_t WASI(fd_readdir)(fd_t fd, void *buf, size_t buf_len, uint64_t cookie, void *used);
errno_t WASI(fd_renumber)(fd_t fd, fd_t to);
errno_t WASI(fd_seek)(fd_t fd, int64_t offset, uint32_t whence, void *position);
errno_t WASI(fd_sync)(fd_t fd);
errno_t WASI(fd_tell)(fd_t fd, void *position);
errno_t WASI(fd_write)(fd_t fd, const void *iovs, size_t iovs_len, void *nwritten);
errno_t WASI(path_create_directory)(fd_t fd, const void *path, size_t path_len);
errno_t WASI(path_filestat_get)(fd_t fd, uint32_t lookup, const void *path, size_t path_len, void *stat);
errno_t WASI(path_filestat_set_times)(fd_t fd, uint32_t lookup, const void *path, size_t path_len, uint64_t atim, uint64_t mtim,
                                      uint32_t flags);
errno_t WASI(path_link)(fd_t old_fd, uint32_t lookup, const void *old_path, size_t old_len, fd_t new_fd, const void *new_path,
                        size_t new_len);
errno_t WASI(path_open)(fd_t fd, uint32_t lookup, const void *path, size_t path_len, uint32_t oflags, uint64_t base,
                        uint64_t inheriting, uint32_t fdflags, void *opened);
errno_t WASI(path_readlink)(fd_t fd, const void *path, size_t path_len, void *buf, size_t buf_len, void *used);
errno_t WASI(path_remove_directory)(fd_t fd, const void *path, size_t path_len);
errno_t WASI(path_rename)(fd_t old_fd, const void *old_path, size_t old_len, fd_t new_fd, const void *new_path, size_t new_len);
errno_t WASI(path_symlink)(const void *target, size_t target_len, fd_t fd, const void *path, size_t path_len);
errno_t WASI(path_unlink_file)(fd_t fd, const void *path, size_t path_len);
errno_t WASI(poll_oneoff)(const void *subscriptions, void *events, size_t count, void *nevents);
void WASI(proc_exit)(uint32_t code);
errno_t WASI(proc_raise)(uint32_t signal);
errno_t WASI(random_get)(void *buf, size_t buf_len);
errno_t WASI(sched_yield)(void);
errno_t WASI(sock_accept)(fd_t fd, uint32_t fdflags, void *accepted);
errno_t WASI(sock_recv)(fd_t fd, const void *iovs, size_t iovs_len, uint32_t flags, void *nread, void *roflags);
errno_t WASI(sock_send)(fd_t fd, const void *iovs, size_t iovs_len, uint32_t flags, void *nwritten);
errno_t WASI(sock_shutdown)(fd_t fd, uint32_t how);

typedef struct {
  const void *base;
  size_t len;
} iovec_t;

typedef struct {
  uint8_t filetype;
  uint16_t flags;
  uint64_t base;
  uint64_t inheriting;
} fdstat_t;
_Static_assert(sizeof(fdstat_t) == 24, "fdstat");

typedef struct {
  uint64_t dev;
  uint64_t ino;
  uint8_t filetype;
  uint64_t nlink;
  uint64_t size;
  uint64_t atim;
  uint64_t mtim;
  uint64_t ctim;
} filestat_t;
_Static_assert(sizeof(filestat_t) == 64, "filestat");

typedef struct {
  uint64_t next;
  uint64_t ino;
  uint32_t namlen;
  uint8_t type;
} dirent_t;
_Static_assert(sizeof(dirent_t) == 24, "dirent");

typedef struct {
  uint64_t userdata;
  uint8_t tag;
  union {
    struct {
      uint32_t id;
      uint64_t timeout;
      uint64_t precision;
      uint16_t flags;
    } clock;
    struct {
      fd_t fd;
    } file;
  };
} subscription_t;
_Static_assert(sizeof(subscription_t) == 48, "subscription");

typedef struct {
  uint64_t userdata;
  uint16_t error;
  uint8_t type;
  uint64_t nbytes;
  uint16_t flags;
} event_t;
_Static_assert(sizeof(event_t) == 32, "event");

enum { CLOCK_ID_REALTIME, CLOCK_ID_MONOTONIC, CLOCK_ID_PROCESS_CPU, CLOCK_ID_THREAD_CPU };
enum { FILETYPE_UNKNOWN, FILETYPE_BLOCK, FILETYPE_CHARACTER, FILETYPE_DIRECTORY, FILETYPE_REGULAR, FILETYPE_DGRAM, FILETYPE_STREAM, FILETYPE_SYMLINK };
enum { LOOKUP_FOLLOW = 1 };
enum { OFLAG_CREAT = 1, OFLAG_DIRECTORY = 2, OFLAG_EXCL = 4, OFLAG_TRUNC = 8 };
enum { FDFLAG_APPEND = 1, FDFLAG_DSYNC = 2, FDFLAG_NONBLOCK = 4, FDFLAG_RSYNC = 8, FDFLAG_SYNC = 16 };
enum { FST_ATIM = 1, FST_ATIM_NOW = 2, FST_MTIM = 4, FST_MTIM_NOW = 8 };
enum { WHENCE_SET, WHENCE_CUR, WHENCE_END };
enum { EVENT_CLOCK, EVENT_FD_READ, EVENT_FD_WRITE };
enum { SUBCLOCK_ABSTIME = 1 };

#define RIGHT(bit) (UINT64_C(1) << (bit))
#define RIGHT_FD_DATASYNC RIGHT(0)
#define RIGHT_FD_READ RIGHT(1)
#define RIGHT_FD_SEEK RIGHT(2)
#define RIGHT_FD_FDSTAT_SET_FLAGS RIGHT(3)
#define RIGHT_FD_SYNC RIGHT(4)
#define RIGHT_FD_TELL RIGHT(5)
#define RIGHT_FD_WRITE RIGHT(6)
#define RIGHT_FD_ADVISE RIGHT(7)
#define RIGHT_FD_ALLOCATE RIGHT(8)
#define RIGHT_PATH_CREATE_DIRECTORY RIGHT(9)
#define RIGHT_PATH_CREATE_FILE RIGHT(10)
#define RIGHT_PATH_LINK_SOURCE RIGHT(11)
#define RIGHT_PATH_LINK_TARGET RIGHT(12)
#define RIGHT_PATH_OPEN RIGHT(13)
#define RIGHT_FD_READDIR RIGHT(14)
#define RIGHT_PATH_READLINK RIGHT(15)
#define RIGHT_PATH_RENAME_SOURCE RIGHT(16)
#define RIGHT_PATH_RENAME_TARGET RIGHT(17)
#define RIGHT_PATH_FILESTAT_GET RIGHT(18)
#define RIGHT_PATH_FILESTAT_SET_SIZE RIGHT(19)
#define RIGHT_PATH_FILESTAT_SET_TIMES RIGHT(20)
#define RIGHT_FD_FILESTAT_GET RIGHT(21)
#define RIGHT_FD_FILESTAT_SET_SIZE RIGHT(22)
#define RIGHT_FD_FILESTAT_SET_TIMES RIGHT(23)
#define RIGHT_PATH_SYMLINK RIGHT(24)
#define RIGHT_PATH_REMOVE_DIRECTORY RIGHT(25)
#define RIGHT_PATH_UNLINK_FILE RIGHT(26)
#define RIGHT_POLL_FD_READWRITE RIGHT(27)
#define RIGHT_SOCK_SHUTDOWN RIGHT(28)
#define RIGHT_SOCK_ACCEPT RIGHT(29)
#define RIGHTS_ALL (RIGHT(30) - 1)
#define RIGHTS_FILE                                                                                                         \
  (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_TELL |          \
   RIGHT_FD_WRITE | RIGHT_FD_ADVISE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_SIZE |             \
   RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_POLL_FD_READWRITE)

#define ERRNOS(X)                                                                                                           \
  X(SUCCESS) X(E2BIG) X(EACCES) X(EADDRINUSE) X(EADDRNOTAVAIL) X(EAFNOSUPPORT) X(EAGAIN) X(EALREADY) X(EBADF) X(EBADMSG)    \
  X(EBUSY) X(ECANCELED) X(ECHILD) X(ECONNABORTED) X(ECONNREFUSED) X(ECONNRESET) X(EDEADLK) X(EDESTADDRREQ) X(EDOM)          \
  X(EDQUOT) X(EEXIST) X(EFAULT) X(EFBIG) X(EHOSTUNREACH) X(EIDRM) X(EILSEQ) X(EINPROGRESS) X(EINTR) X(EINVAL) X(EIO)        \
  X(EISCONN) X(EISDIR) X(ELOOP) X(EMFILE) X(EMLINK) X(EMSGSIZE) X(EMULTIHOP) X(ENAMETOOLONG) X(ENETDOWN) X(ENETRESET)       \
  X(ENETUNREACH) X(ENFILE) X(ENOBUFS) X(ENODEV) X(ENOENT) X(ENOEXEC) X(ENOLCK) X(ENOLINK) X(ENOMEM) X(ENOMSG)               \
  X(ENOPROTOOPT) X(ENOSPC) X(ENOSYS) X(ENOTCONN) X(ENOTDIR) X(ENOTEMPTY) X(ENOTRECOVERABLE) X(ENOTSOCK) X(ENOTSUP)          \
  X(ENOTTY) X(ENXIO) X(EOVERFLOW) X(EOWNERDEAD) X(EPERM) X(EPIPE) X(EPROTO) X(EPROTONOSUPPORT) X(EPROTOTYPE) X(ERANGE)      \
  X(EROFS) X(ESPIPE) X(ESRCH) X(ESTALE) X(ETIMEDOUT) X(ETXTBSY) X(EXDEV) X(ENOTCAPABLE)

// The prefix keeps the numbers apart from libc's macros of the same names.
#define ERRNO_CONSTANT(name) W_##name,
enum { ERRNOS(ERRNO_CONSTANT) W_COUNT };
_Static_assert(W_ENOTCAPABLE == 76, "errno");
