// The system calls a benchmark times, n of each in a loop. As a library: the exports. From a command line: argv is WHAT N [PATH [LEN]].
// It has no libc, and prints nothing; the exit code is the errno of the last call that failed.
#include "preview1.h"

#define EXPORT(name) __attribute__((export_name(#name))) bench_##name

static char buffer[65536];

uint32_t EXPORT(fdstat)(uint32_t n) {
  fdstat_t stat;
  uint32_t error = 0;
  while (n-- > 0) error |= wasi_fd_fdstat_get(0, &stat);
  return error;
}

uint32_t EXPORT(clock)(uint32_t n) {
  uint64_t time;
  uint32_t error = 0;
  while (n-- > 0) error |= wasi_clock_time_get(CLOCK_ID_MONOTONIC, 1, &time);
  return error;
}

uint32_t EXPORT(realtime)(uint32_t n) {
  uint64_t time;
  uint32_t error = 0;
  while (n-- > 0) error |= wasi_clock_time_get(CLOCK_ID_REALTIME, 1, &time);
  return error;
}

uint32_t EXPORT(write)(uint32_t n, fd_t fd, uint32_t len) {
  iovec_t iov = {buffer, len};
  size_t written;
  uint32_t error = 0;
  while (n-- > 0) error |= wasi_fd_write(fd, &iov, 1, &written);
  return error;
}

uint32_t EXPORT(read)(uint32_t n, fd_t fd, uint32_t len) {
  iovec_t iov = {buffer, len};
  size_t got;
  uint32_t error = 0;
  while (n-- > 0) error |= wasi_fd_read(fd, &iov, 1, &got);
  return error;
}

// Where the embedder writes the path for `open`.
char *EXPORT(path)(void) {
  return buffer;
}

// A descriptor for the path below `dir`, to read and write.
fd_t EXPORT(open)(fd_t dir, uint32_t length) {
  fd_t fd = 0;
  uint32_t error = wasi_path_open(dir, 0, buffer, length, 0, RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_SEEK, 0, 0, &fd);
  return error == 0 ? fd : UINT32_MAX;
}

// Opens the path below `dir` to read, and closes it, n times.
uint32_t EXPORT(opens)(uint32_t n, fd_t dir, uint32_t length) {
  uint32_t error = 0;
  while (n-- > 0) {
    fd_t fd = 0;
    error |= wasi_path_open(dir, 0, buffer, length, 0, RIGHT_FD_READ, 0, 0, &fd);
    error |= wasi_fd_close(fd);
  }
  return error;
}

uint32_t EXPORT(rewind)(fd_t fd) {
  uint64_t position;
  return wasi_fd_seek(fd, 0, 0, &position);
}

// 16 bytes at a time, to a descriptor that throws them away.
uint32_t EXPORT(devnull_write)(uint32_t n, fd_t fd) {
  return bench_write(n, fd, 16);
}

static uint32_t number(const char *text) {
  uint32_t value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (uint32_t)(*text++ - '0');
  return value;
}

void _start(void) {
  static char *argv[16];
  static char text[4096];
  size_t argc, length, path_length = 0;
  if (wasi_args_sizes_get(&argc, &length) != 0 || argc < 3 || argc > 16 || length > sizeof text) wasi_proc_exit(64);
  if (wasi_args_get(argv, text) != 0) wasi_proc_exit(64);
  uint32_t n = number(argv[2]);
  fd_t fd = 1;
  if (argc > 3) {
    while (argv[3][path_length]) path_length++;
    uint32_t error = wasi_path_open(3, 0, argv[3], path_length, 0, RIGHT_FD_WRITE, 0, 0, &fd);
    if (error) wasi_proc_exit(error);
  }
  uint32_t error = 64;
  if (argv[1][0] == 'f') error = bench_fdstat(n);
  if (argv[1][0] == 'c') error = bench_clock(n);
  if (argv[1][0] == 'd') error = bench_devnull_write(n, fd);
  if (argv[1][0] == 'w') error = bench_write(n, fd, argc > 4 ? number(argv[4]) : 1);
  if (error) wasi_proc_exit(error);
}
