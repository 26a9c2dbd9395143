// THE table of system calls: each is listed here once. Handlers, import objects, policies' vocabulary, tracers, fuzzers,
// guest headers and the reference page derive from it.
import { POLICY_RIGHT, type PolicyObject } from '../caps/confinement.ts';
import { type Endpoint, NET_RIGHT } from '../caps/endpoint.ts';
import { REGION_RIGHT, REGION_RIGHTS, type RegionObject } from '../caps/region.ts';
import { RIGHT as R } from '../caps/rights.ts';
import type { Errno } from '../hal/errno.ts';
import type { Access } from '../hal/mmu.ts';
import { buffer, capability, choice, delta, flags, handle, host, iovecs, out, type Parameter, path, port, rights, size, slot, text, u32, u64 } from './parameter.ts';

export type Group = 'args' | 'clock' | 'random' | 'fd' | 'fs-read' | 'fs-write' | 'io' | 'net' | 'process' | 'poll' | 'ipc' | 'memory';

export interface Call<P extends readonly Parameter[] = readonly Parameter[], E extends Errno = Errno, V extends boolean = boolean> {
  /** The import module that exposes it, and its name there. */
  readonly abi: 'wasi_snapshot_preview1' | 'host_user' | 'host_fs' | 'host_process' | 'superos';
  readonly name: string;
  readonly params: P;
  /** Errors of its own; those of decoding (BADF, NOTCAPABLE, FAULT, INVAL, ILSEQ, NAMETOOLONG) go without saying. */
  readonly errors: readonly E[];
  readonly groups: readonly Group[];
  /** It returns a number of its own instead of an errno. */
  readonly value: V;
  /** It has no result: the thread does not come back. */
  readonly noreturn: boolean;
  readonly doc: string;
}

const call =
  (abi: Call['abi']) =>
  <const P extends readonly Parameter[], const E extends Errno = never>(name: string, params: P, groups: readonly Group[], doc: string, more: { errors?: readonly E[]; noreturn?: boolean } = {}): Call<P, E, false> => ({
    abi,
    name,
    params,
    errors: more.errors ?? [],
    groups,
    value: false,
    noreturn: more.noreturn ?? false,
    doc,
  });

const wasi = call('wasi_snapshot_preview1');
const user = call('host_user');
const fs = call('host_fs');
const proc = call('host_process');
const superos = call('superos');
const returning = <P extends readonly Parameter[], E extends Errno>(made: Call<P, E, false>): Call<P, E, true> => ({ ...made, value: true });

/** What a file system can answer to a path or a file. */
const FS = [
  'ACCES',
  'AGAIN',
  'BADF',
  'BUSY',
  'DQUOT',
  'EXIST',
  'FBIG',
  'ILSEQ',
  'INVAL',
  'IO',
  'ISDIR',
  'LOOP',
  'MFILE',
  'MLINK',
  'NAMETOOLONG',
  'NFILE',
  'NOENT',
  'NOMEM',
  'NOSPC',
  'NOTCAPABLE',
  'NOTDIR',
  'NOTEMPTY',
  'NOTSUP',
  'NXIO',
  'OVERFLOW',
  'PERM',
  'PIPE',
  'ROFS',
  'SPIPE',
  'STALE',
  'TXTBSY',
  'XDEV',
] as const satisfies readonly Errno[];
const file = { errors: FS };
const walk = { errors: FS };

/** What a connection, and what the other end or the way to it, can answer. */
const SOCKET = ['CONNABORTED', 'CONNRESET', 'DESTADDRREQ', 'HOSTUNREACH', 'NETDOWN', 'NETUNREACH', 'NOTCONN', 'NOTSUP', 'TIMEDOUT', 'PIPE', 'AGAIN', 'IO'] as const satisfies readonly Errno[];
/** Of making a socket. */
const OPENING = [...SOCKET, 'ACCES', 'ADDRINUSE', 'ADDRNOTAVAIL', 'AFNOSUPPORT', 'CANCELED', 'CONNREFUSED', 'MFILE', 'NFILE', 'NOBUFS', 'NOENT', 'PERM'] as const satisfies readonly Errno[];
const stream = { errors: [...FS, ...SOCKET] };
const socket = { errors: OPENING };
const ENDS = ['local', 'remote'] as const;

export const CLOCKS = ['realtime', 'monotonic', 'process_cputime', 'thread_cputime'] as const;
export const ADVICE = ['normal', 'sequential', 'random', 'willneed', 'dontneed', 'noreuse'] as const;
const ACCESS = ['none', 'read', 'write'] as const satisfies readonly Access[];
const WHENCE = ['set', 'cur', 'end'] as const;
export const SIGNALS = [
  'NONE',
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGPOLL',
  'SIGPWR',
  'SIGSYS',
] as const;
/** WASI `oflags` and `lookupflags`. */
export const OFLAG = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const SYMLINK_FOLLOW = 1;
const TIME_FLAGS = 15;

export const TABLE = {
  args_get: wasi('args_get', [out('argv', 'caller.args.length * 4'), out('argv_buf', 'caller.argBytes')], ['args'], 'The arguments: an address of each, and the strings.'),
  args_sizes_get: wasi('args_sizes_get', [out('argc', 4), out('argv_buf_size', 4)], ['args'], 'How many arguments there are, and their bytes.'),
  environ_get: wasi('environ_get', [out('environ', 'caller.environment.length * 4'), out('environ_buf', 'caller.environmentBytes')], ['args'], 'The environment: an address of each variable, and the strings.'),
  environ_sizes_get: wasi('environ_sizes_get', [out('environc', 4), out('environ_buf_size', 4)], ['args'], 'How many variables there are, and their bytes.'),
  clock_res_get: wasi('clock_res_get', [choice('id', CLOCKS), out('resolution', 8)], ['clock'], 'The step of a clock in nanoseconds.', { errors: ['NOTCAPABLE'] }),
  clock_time_get: wasi('clock_time_get', [u32('id'), size('precision'), out('time', 8)], ['clock'], 'What a clock shows, in nanoseconds.', { errors: ['NOTCAPABLE'] }),
  fd_advise: wasi('fd_advise', [capability('fd', R.advise), size('offset'), size('len'), choice('advice', ADVICE)], ['fs-read'], 'How a file is going to be used.', file),
  fd_allocate: wasi('fd_allocate', [capability('fd', R.allocate), size('offset'), size('len')], ['fs-write'], 'Makes room in a file.', file),
  fd_close: wasi('fd_close', [slot('fd')], ['fd'], 'Closes a descriptor.', { errors: ['BADF'] }),
  fd_datasync: wasi('fd_datasync', [capability('fd', R.dataSync)], ['fs-write'], "Brings a file's data to the disk.", walk),
  fd_fdstat_get: wasi('fd_fdstat_get', [capability('fd', 0), out('stat', 24)], ['fd'], 'Type, flags and rights of a descriptor.'),
  fd_fdstat_set_flags: wasi('fd_fdstat_set_flags', [capability('fd', R.setFlags), flags('flags', 31)], ['fd'], 'Sets append, dsync, nonblock, rsync, sync.', file),
  fd_fdstat_set_rights: wasi('fd_fdstat_set_rights', [capability('fd', 0), rights('fs_rights_base'), rights('fs_rights_inheriting')], ['fd'], 'Gives up rights.', { errors: ['NOTCAPABLE'] }),
  fd_filestat_get: wasi('fd_filestat_get', [capability('fd', R.stat), out('buf', 64)], ['fs-read'], 'Attributes of an open file.', file),
  fd_filestat_set_size: wasi('fd_filestat_set_size', [capability('fd', R.setSize), size('size')], ['fs-write'], 'Cuts or extends a file.', file),
  fd_filestat_set_times: wasi('fd_filestat_set_times', [capability('fd', R.setTimes), u64('atim'), u64('mtim'), flags('fst_flags', TIME_FLAGS)], ['fs-write'], 'Sets the times of an open file.', file),
  fd_pread: wasi('fd_pread', [capability('fd', R.read | R.seek), iovecs('iovs', 'write'), size('offset'), out('nread', 4)], ['fs-read', 'io'], 'Reads at an offset.', file),
  fd_prestat_get: wasi('fd_prestat_get', [capability('fd', 0), out('buf', 8)], ['fd'], 'The length of the name of a preopened directory.', { errors: ['BADF'] }),
  fd_prestat_dir_name: wasi('fd_prestat_dir_name', [capability('fd', 0), buffer('path')], ['fd'], 'The name of a preopened directory.', { errors: ['BADF', 'NAMETOOLONG'] }),
  fd_pwrite: wasi('fd_pwrite', [capability('fd', R.write | R.seek), iovecs('iovs', 'read'), size('offset'), out('nwritten', 4)], ['fs-write', 'io'], 'Writes at an offset.', file),
  fd_read: wasi('fd_read', [capability('fd', R.read), iovecs('iovs', 'write'), out('nread', 4)], ['io'], 'Reads; waits where there is nothing yet.', stream),
  fd_readdir: wasi('fd_readdir', [capability('fd', R.readDirectory), buffer('buf'), size('cookie'), out('bufused', 4)], ['fs-read'], 'Entries of a directory from a cookie on.', walk),
  fd_renumber: wasi('fd_renumber', [slot('fd'), slot('to')], ['fd'], 'Moves a descriptor onto another, which it closes.', { errors: ['BADF'] }),
  fd_seek: wasi('fd_seek', [capability('fd', `(a1 | a2) === 0 && a3 === ${WHENCE.indexOf('cur')} ? ${R.tell} : ${R.seek}`), delta('offset'), choice('whence', WHENCE), out('newoffset', 8)], ['fd'], 'Moves the position.', { errors: [...FS] }),
  fd_sync: wasi('fd_sync', [capability('fd', R.sync)], ['fs-write'], "Brings a file's data and attributes to the disk.", walk),
  fd_tell: wasi('fd_tell', [capability('fd', R.tell), out('offset', 8)], ['fd'], 'The position.', { errors: [...FS] }),
  fd_write: wasi('fd_write', [capability('fd', R.write), iovecs('iovs', 'read'), out('nwritten', 4)], ['io'], 'Writes; waits where there is no room.', stream),
  path_create_directory: wasi('path_create_directory', [capability('fd', R.pathCreateDirectory), path('path')], ['fs-write'], 'Makes a directory.', walk),
  path_filestat_get: wasi('path_filestat_get', [capability('fd', R.pathStat), flags('flags', SYMLINK_FOLLOW), path('path'), out('buf', 64)], ['fs-read'], 'Attributes of a file by path.', walk),
  path_filestat_set_times: wasi('path_filestat_set_times', [capability('fd', R.pathSetTimes), flags('flags', SYMLINK_FOLLOW), path('path'), u64('atim'), u64('mtim'), flags('fst_flags', TIME_FLAGS)], ['fs-write'], 'Sets the times of a file by path.', walk),
  path_link: wasi('path_link', [capability('old_fd', R.pathLinkSource), flags('old_flags', SYMLINK_FOLLOW), path('old_path'), capability('new_fd', R.pathLinkTarget), path('new_path')], ['fs-write'], 'Makes a hard link.', walk),
  path_open: wasi(
    'path_open',
    [capability('fd', `${R.pathOpen} | (a4 & ${OFLAG.creat} ? ${R.pathCreateFile} : 0) | (a4 & ${OFLAG.trunc} ? ${R.pathSetSize} : 0)`), flags('dirflags', SYMLINK_FOLLOW), path('path'), flags('oflags', 15), rights('fs_rights_base'), rights('fs_rights_inheriting'), flags('fdflags', 31), out('opened_fd', 4)],
    ['fs-read', 'fs-write'],
    'Opens a file or directory.',
    walk,
  ),
  path_readlink: wasi('path_readlink', [capability('fd', R.pathReadlink), path('path'), buffer('buf'), out('bufused', 4)], ['fs-read'], 'The target of a symbolic link.', walk),
  path_remove_directory: wasi('path_remove_directory', [capability('fd', R.pathRemoveDirectory), path('path')], ['fs-write'], 'Removes an empty directory.', walk),
  path_rename: wasi('path_rename', [capability('fd', R.pathRenameSource), path('old_path'), capability('new_fd', R.pathRenameTarget), path('new_path')], ['fs-write'], 'Renames or moves.', walk),
  path_symlink: wasi('path_symlink', [path('old_path'), capability('fd', R.pathSymlink), path('new_path')], ['fs-write'], 'Makes a symbolic link.', walk),
  path_unlink_file: wasi('path_unlink_file', [capability('fd', R.pathUnlink), path('path')], ['fs-write'], 'Removes a name of a file.', walk),
  poll_oneoff: wasi('poll_oneoff', [out('in', '(a2 >>> 0) * 48', 'read'), out('out', '(a2 >>> 0) * 32'), u32('nsubscriptions'), out('nevents', 4)], ['poll'], 'Waits for the first of several events.', { errors: ['INVAL', 'NOTCAPABLE'] }),
  proc_exit: wasi('proc_exit', [u32('rval')], ['process'], 'Ends the process.', { noreturn: true }),
  proc_raise: wasi('proc_raise', [choice('sig', SIGNALS)], ['process'], 'Sends a signal to the process itself.', { errors: ['NOTSUP', 'INVAL'] }),
  sched_yield: wasi('sched_yield', [], ['process'], 'Lets others run.'),
  random_get: wasi('random_get', [buffer('buf')], ['random'], 'Random bytes fit for keys.', { errors: ['NOTCAPABLE'] }),
  sock_accept: wasi('sock_accept', [capability('fd', 0), flags('flags', 4), out('fd_out', 4)], ['net'], 'Takes a connection from a listener.', { errors: ['NOTSOCK', 'MFILE', 'NFILE', 'NOTCAPABLE', 'AGAIN', 'INVAL', 'CONNABORTED'] }),
  sock_recv: wasi('sock_recv', [capability('fd', 0), iovecs('ri_data', 'write'), flags('ri_flags', 3), out('ro_datalen', 4), out('ro_flags', 2)], ['net', 'io'], 'Receives from a socket.', { errors: [...FS, ...SOCKET, 'NOTSOCK'] }),
  sock_send: wasi('sock_send', [capability('fd', 0), iovecs('si_data', 'read'), flags('si_flags', 0), out('so_datalen', 4)], ['net', 'io'], 'Sends to a socket.', { errors: [...FS, ...SOCKET, 'NOTSOCK'] }),
  sock_shutdown: wasi('sock_shutdown', [capability('fd', 0), flags('how', 3)], ['net'], 'Shuts down one or both directions of a socket.', { errors: ['NOTSOCK', 'NOTCAPABLE', 'INVAL', 'NOTCONN'] }),

  // What programs built with the patched standard libraries of agentOS import for POSIX's sake.
  isatty: user('isatty', [slot('fd'), out('ret_bool', 4)], ['fd'], 'Whether a descriptor is a terminal.', { errors: ['BADF'] }),
  getpwuid: user('getpwuid', [u32('uid'), buffer('buf'), out('ret_len', 4)], ['process'], 'The entry of a user: there are none.', { errors: ['NOENT'] }),
  fd_mode: returning(fs('fd_mode', [slot('fd')], ['fs-read'], 'Type and permission bits of an open file as in st_mode; 0 where unknown.')),
  path_mode: returning(fs('path_mode', [path('path'), u32('follow')], ['fs-read'], 'Type and permission bits of a file by path; 0 where unknown.')),
  chmod: fs('chmod', [path('path'), u32('mode')], ['fs-write'], 'Sets the permission bits of a file by path.', walk),
  fd_pipe: proc('fd_pipe', [out('ret_read_fd', 4), out('ret_write_fd', 4)], ['ipc'], 'Makes a pipe.', { errors: ['MFILE', 'NFILE'] }),
  fd_dup: proc('fd_dup', [capability('fd', 0), out('ret_new_fd', 4)], ['fd'], 'Another descriptor of the same open file description.', { errors: ['MFILE'] }),
  proc_getpid: proc('proc_getpid', [out('ret_pid', 4)], ['process'], 'The number of the process.'),
  proc_kill: proc('proc_kill', [u32('pid'), u32('signal')], ['process'], 'Sends a signal to a process.', { errors: ['SRCH', 'INVAL', 'NOTSUP'] }),
  proc_spawn: proc('proc_spawn', [buffer('argv', 'read'), buffer('envp', 'read'), slot('stdin'), slot('stdout'), slot('stderr'), buffer('cwd', 'read'), out('ret_pid', 4)], ['process'], 'Starts a program, for which a process needs a capability to execute it.', {
    errors: ['NOTCAPABLE', 'BADF', 'AGAIN', 'NOMEM', 'NOEXEC', 'MFILE', 'INVAL', '2BIG', 'NOENT', 'NOTDIR', 'LOOP', 'ACCES', 'PERM', 'NAMETOOLONG', 'IO', 'ILSEQ'],
  }),
  proc_waitpid: proc('proc_waitpid', [u32('pid'), u32('options'), out('ret_status', 4)], ['process'], 'Waits for a child.', { errors: ['CHILD'] }),
  sleep_ms: proc('sleep_ms', [u32('milliseconds')], ['clock'], 'Sleeps.', { errors: ['NOTCAPABLE'] }),

  // The import module of our own: guests/sdk/c/superos.h.
  cap_find: superos('cap_find', [text('name'), out('handle', 4)], ['fd'], 'A capability by the text of its grant, or by its kind.', { errors: ['NOENT'] }),
  cap_drop: superos('cap_drop', [slot('number')], ['fd'], 'Gives up a capability, under a handle or a descriptor.', { errors: ['BADF'] }),
  policy_apply: superos('policy_apply', [handle<PolicyObject>('cap', 'policy', POLICY_RIGHT.apply)], ['process'], 'Puts the children that the process starts from now on under a policy, for good.', { errors: ['NOTSUP'] }),
  mem_map: superos(
    'mem_map',
    [handle<RegionObject>('cap', 'region', `(${REGION_RIGHT.map} | (a2 === ${ACCESS.indexOf('read')} ? ${REGION_RIGHT.read} : a2 === ${ACCESS.indexOf('write')} ? ${REGION_RIGHT.read | REGION_RIGHT.write} : 0))`), u32('address'), choice('access', ACCESS), out('mapped_at', 4)],
    ['memory'],
    "Puts a region into the process's memory.",
    { errors: ['NOMEM', 'NOTSUP', 'INVAL'] },
  ),
  mem_alloc: superos('mem_alloc', [u32('bytes'), choice('access', ACCESS), out('mapped_at', 4)], ['memory'], 'Adds zero pages to the memory of the process, between pages that nobody may touch.', { errors: ['NOMEM', 'NOTSUP', 'INVAL'] }),
  mem_unmap: superos('mem_unmap', [u32('address'), u32('length')], ['memory'], 'Takes away what was mapped or added: its pages are inaccessible then.', { errors: ['NOMEM', 'INVAL'] }),
  mem_protect: superos('mem_protect', [u32('address'), u32('length'), choice('access', ACCESS)], ['memory'], 'Says what may be done to pages that were mapped or added.', { errors: ['NOMEM', 'INVAL', 'ACCES'] }),
  mem_info: superos('mem_info', [handle<RegionObject>('cap', 'region', 0), out('bytes', 8), out('rights', 4)], ['memory'], 'The bytes of a region, and the rights of the capability.'),
  mem_derive: superos('mem_derive', [handle<RegionObject>('cap', 'region', 0), flags('rights', REGION_RIGHTS), out('handle', 4)], ['memory'], 'Another capability on a region, with at most the rights of this one; it dies with it.', { errors: ['MFILE'] }),
  net_connect: superos('net_connect', [handle<Endpoint>('cap', 'endpoint', NET_RIGHT.connect), host('host'), port('port'), out('fd', 4)], ['net'], 'Makes a TCP connection.', socket),
  net_listen: superos('net_listen', [handle<Endpoint>('cap', 'endpoint', NET_RIGHT.listen), host('address'), port('port'), u32('backlog'), out('fd', 4)], ['net'], 'Listens for TCP connections; at port 0, at any that is free.', socket),
  net_bind: superos('net_bind', [handle<Endpoint>('cap', 'endpoint', 0), host('address'), port('port'), out('fd', 4)], ['net'], 'Makes a socket for datagrams.', socket),
  net_send_to: superos('net_send_to', [capability('fd', R.write), iovecs('iovs', 'read'), host('host'), port('port'), out('nsent', 4)], ['net', 'io'], 'Sends a datagram.', { errors: [...OPENING, 'MSGSIZE', 'NOTSOCK'] }),
  net_recv_from: superos('net_recv_from', [capability('fd', R.read), iovecs('iovs', 'write'), buffer('address'), out('address_used', 4), out('port', 4), out('nreceived', 4)], ['net', 'io'], 'Receives a datagram, cut where it does not fit, and where it came from.', { errors: [...SOCKET, 'NOTSOCK', 'RANGE'] }),
  net_resolve: superos('net_resolve', [handle<Endpoint>('cap', 'endpoint', 0), host('name'), buffer('addresses'), out('used', 4)], ['net'], 'The addresses of a name, each a text with a NUL.', { errors: [...OPENING, 'RANGE'] }),
  net_address: superos('net_address', [capability('fd', R.stat), choice('end', ENDS), buffer('address'), out('used', 4), out('port', 4)], ['net'], 'The address and port of an end of a socket.', { errors: ['NOTSOCK', 'NOTCONN', 'RANGE'] }),
} as const;

export type CallName = keyof typeof TABLE;
/** Calls by number. */
export const CALLS: readonly CallName[] = Object.keys(TABLE) as CallName[];
