// Every call of preview1 with hostile arguments: pointers and lengths from {0, 1, mem-8, mem-1, mem, 2^31, 2^32-1} in all combinations,
// iovecs that are unaligned, overlap each other, themselves and the results, and extreme numbers where a call takes no pointer.
// Prints `CALL: ERRNO=count,...` for each; it never fails itself: the host must be alive and each answer an errno.
// Run it with a preopened directory, where it makes and removes `pointers.tmp`. `pointers whole` fills the whole memory with randomness.
#include "text.h"

static fd_t file;
static uint32_t memory_size;
static uint32_t counts[W_COUNT + 1];

static void count(errno_t error) {
  counts[error < W_COUNT ? error : W_COUNT]++;
}

static void report(const char *call) {
  put(call);
  const char *separator = ": ";
  for (uint32_t i = 0; i <= W_COUNT; i++) {
    if (counts[i] == 0) continue;
    put(separator);
    put(i < W_COUNT ? errno_name(i) : "unknown");
    put("=");
    put_number(counts[i]);
    counts[i] = 0;
    separator = ",";
  }
  end_line(1);
}

#define P(i) ((void *)a[i])
#define CALLS(X)                                                                                                            \
  X(args_get, 2, wasi_args_get(P(0), P(1)))                                                                                 \
  X(args_sizes_get, 2, wasi_args_sizes_get(P(0), P(1)))                                                                     \
  X(environ_get, 2, wasi_environ_get(P(0), P(1)))                                                                           \
  X(environ_sizes_get, 2, wasi_environ_sizes_get(P(0), P(1)))                                                               \
  X(clock_res_get, 1, wasi_clock_res_get(CLOCK_ID_MONOTONIC, P(0)))                                                         \
  X(clock_time_get, 1, wasi_clock_time_get(CLOCK_ID_MONOTONIC, 0, P(0)))                                                    \
  X(fd_fdstat_get, 1, wasi_fd_fdstat_get(file, P(0)))                                                                       \
  X(fd_filestat_get, 1, wasi_fd_filestat_get(file, P(0)))                                                                   \
  X(fd_pread, 3, wasi_fd_pread(file, P(0), a[1], 0, P(2)))                                                                  \
  X(fd_prestat_get, 1, wasi_fd_prestat_get(3, P(0)))                                                                        \
  X(fd_prestat_dir_name, 2, wasi_fd_prestat_dir_name(3, P(0), a[1]))                                                        \
  X(fd_pwrite, 3, wasi_fd_pwrite(file, P(0), a[1], 0, P(2)))                                                                \
  X(fd_read, 3, wasi_fd_read(file, P(0), a[1], P(2)))                                                                       \
  X(fd_readdir, 3, wasi_fd_readdir(3, P(0), a[1], 0, P(2)))                                                                 \
  X(fd_seek, 1, wasi_fd_seek(file, 0, WHENCE_SET, P(0)))                                                                    \
  X(fd_tell, 1, wasi_fd_tell(file, P(0)))                                                                                   \
  X(fd_write, 3, wasi_fd_write(file, P(0), a[1], P(2)))                                                                     \
  X(path_create_directory, 2, wasi_path_create_directory(3, P(0), a[1]))                                                    \
  X(path_filestat_get, 3, wasi_path_filestat_get(3, 0, P(0), a[1], P(2)))                                                   \
  X(path_filestat_set_times, 2, wasi_path_filestat_set_times(3, 0, P(0), a[1], 0, 0, FST_MTIM))                             \
  X(path_link, 4, wasi_path_link(3, 0, P(0), a[1], 3, P(2), a[3]))                                                          \
  X(path_open, 3, wasi_path_open(3, 0, P(0), a[1], 0, RIGHT_FD_READ, 0, 0, P(2)))                                           \
  X(path_readlink, 5, wasi_path_readlink(3, P(0), a[1], P(2), a[3], P(4)))                                                  \
  X(path_remove_directory, 2, wasi_path_remove_directory(3, P(0), a[1]))                                                    \
  X(path_rename, 4, wasi_path_rename(3, P(0), a[1], 3, P(2), a[3]))                                                         \
  X(path_symlink, 4, wasi_path_symlink(P(0), a[1], 3, P(2), a[3]))                                                          \
  X(path_unlink_file, 2, wasi_path_unlink_file(3, P(0), a[1]))                                                              \
  X(poll_oneoff, 4, wasi_poll_oneoff(P(0), P(1), a[2], P(3)))                                                               \
  X(sock_accept, 1, wasi_sock_accept(file, 0, P(0)))                                                                        \
  X(sock_recv, 4, wasi_sock_recv(file, P(0), a[1], 0, P(2), P(3)))                                                          \
  X(sock_send, 3, wasi_sock_send(file, P(0), a[1], 0, P(2)))

typedef errno_t call_t(const uint32_t *a);
#define THUNK(name, parameters, call)              \
  static errno_t call_##name(const uint32_t *a) { \
    return call;                                  \
  }
CALLS(THUNK)

typedef struct {
  const char *name;
  uint32_t parameters;
  call_t *call;
} entry_t;
#define ENTRY(name, parameters, call) {#name, parameters, call_##name},
static const entry_t entries[] = {CALLS(ENTRY)};

// What earlier calls wrote below address 1024 and at the end of the memory, where no data of this program lies, must not become a path
// or a subscription.
static volatile uintptr_t low_memory = 0;

static void clear_targets(void) {
  volatile uint64_t *at = (volatile uint64_t *)low_memory;
  for (int i = 0; i < 128; i++) at[i] = 0;
  *(volatile uint64_t *)(memory_size - 8) = 0;
}

static uint32_t values[7];

static void every_combination(const entry_t *entry) {
  uint32_t at[5] = {0}, arguments[5];
  for (;;) {
    for (uint32_t i = 0; i < entry->parameters; i++) arguments[i] = values[at[i]];
    clear_targets();
    count(entry->call(arguments));
    uint32_t i = 0;
    while (i < entry->parameters && ++at[i] == 7) at[i++] = 0;
    if (i == entry->parameters) break;
  }
  report(entry->name);
}

static uint8_t scratch[64] __attribute__((aligned(8)));

static void with_iovecs(const char *name, errno_t (*call)(const void *iovs, size_t length, void *result)) {
  // One iovec of every pair, at an aligned and at two unaligned places, alone and after one that is right.
  for (uint32_t shift = 0; shift < 3; shift++) {
    for (uint32_t i = 0; i < 49; i++) {
      iovec_t pair[2] = {{(void *)low_memory, 8}, {(void *)values[i / 7], values[i % 7]}};
      __builtin_memcpy(scratch + shift, pair, sizeof pair);
      clear_targets();
      count(call(scratch + shift + sizeof *pair, 1, scratch + 48));
      count(call(scratch + shift, 2, scratch + 48));
      // A result that is not aligned either.
      count(call(scratch + shift, 2, scratch + 49));
    }
  }
  // Two of the same bytes, one over the iovecs themselves, one over the result, and a result over the iovecs.
  iovec_t *iovs = (iovec_t *)(void *)scratch;
  for (uint32_t shift = 0; shift < 9; shift++) {
    iovs[0] = (iovec_t){(void *)(low_memory + 8), 16};
    iovs[1] = (iovec_t){(void *)(low_memory + 8 + shift), 16};
    count(call(iovs, 2, scratch + 48));
    iovs[0] = (iovec_t){scratch + shift, 16};
    iovs[1] = (iovec_t){scratch, sizeof scratch};
    count(call(iovs, 2, scratch + 48));
    iovs[0] = (iovec_t){scratch + 40 + shift, 16};
    count(call(iovs, 1, scratch + 48));
    iovs[0] = (iovec_t){(void *)low_memory, 16};
    iovs[1] = (iovec_t){(void *)low_memory, 16};
    count(call(iovs, 2, scratch + shift));
  }
  // Lengths whose sum overflows 32 bits.
  iovs[0] = (iovec_t){(void *)low_memory, 64};
  iovs[1] = (iovec_t){(void *)low_memory, 0xffffffff};
  count(call(iovs, 2, scratch + 48));
  iovs[0].len = 0x80000000;
  iovs[1].len = 0x80000000;
  count(call(iovs, 2, scratch + 48));
  report(name);
}

static errno_t read_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_fd_read(file, iovs, length, result);
}
static errno_t pread_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_fd_pread(file, iovs, length, 0, result);
}
static errno_t write_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_fd_write(file, iovs, length, result);
}
static errno_t pwrite_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_fd_pwrite(file, iovs, length, 0, result);
}
static errno_t recv_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_sock_recv(file, iovs, length, 0, result, scratch + 56);
}
static errno_t send_iovecs(const void *iovs, size_t length, void *result) {
  return wasi_sock_send(file, iovs, length, 0, result);
}

static void random_pairs(void) {
  for (uint32_t i = 0; i < 49; i++) {
    uint32_t pointer = values[i / 7], length = values[i % 7];
    // Those are right, and would overwrite this program: see `pointers whole`.
    if (pointer < 2 && (length == memory_size || length == memory_size - 1 || length == memory_size - 8)) continue;
    count(wasi_random_get((void *)pointer, length));
  }
  report("random_get");
}

static const uint64_t extremes[] = {0, 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
static const uint32_t small_extremes[] = {0, 1, 0x7fffffff, 0x80000000, 0xffff, 0x10000, 0xffffffff};
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void numbers(void) {
  size_t n;
  uint64_t position;
  iovec_t iov = {scratch, 8};
  for (size_t i = 0; i < COUNT_OF(extremes); i++) {
    for (size_t j = 0; j < COUNT_OF(extremes); j++) {
      for (size_t k = 0; k < COUNT_OF(small_extremes); k++) count(wasi_fd_advise(file, extremes[i], extremes[j], small_extremes[k]));
    }
  }
  report("fd_advise");
  for (size_t i = 0; i < COUNT_OF(extremes); i++) {
    for (size_t j = 0; j < COUNT_OF(extremes); j++) count(wasi_fd_allocate(file, extremes[i], extremes[j]));
  }
  report("fd_allocate");
  for (size_t i = 0; i < COUNT_OF(extremes); i++) count(wasi_fd_filestat_set_size(file, extremes[i]));
  report("fd_filestat_set_size");
  (void)wasi_fd_filestat_set_size(file, 64);
  for (size_t i = 0; i < COUNT_OF(extremes); i++) {
    for (size_t j = 0; j < COUNT_OF(small_extremes); j++) count(wasi_fd_seek(file, (int64_t)extremes[i], small_extremes[j], &position));
  }
  report("fd_seek (numbers)");
  (void)wasi_fd_seek(file, 0, WHENCE_SET, &position);
  for (size_t i = 0; i < COUNT_OF(extremes); i++) count(wasi_fd_pread(file, &iov, 1, extremes[i], &n));
  report("fd_pread (numbers)");
  for (size_t i = 2; i < COUNT_OF(extremes); i++) count(wasi_fd_pwrite(file, &iov, 1, extremes[i], &n));
  report("fd_pwrite (numbers)");
  for (size_t i = 0; i < COUNT_OF(extremes); i++) count(wasi_fd_readdir(3, scratch, sizeof scratch, extremes[i], &n));
  report("fd_readdir (numbers)");
  for (size_t i = 0; i < COUNT_OF(extremes); i++) {
    for (size_t j = 0; j < COUNT_OF(small_extremes); j++) {
      count(wasi_fd_filestat_set_times(file, extremes[i], extremes[i], small_extremes[j]));
      count(wasi_path_filestat_set_times(3, small_extremes[j], "pointers.tmp", 12, extremes[i], extremes[i], FST_MTIM));
    }
  }
  report("fd_filestat_set_times");
  for (size_t i = 0; i < COUNT_OF(small_extremes); i++) {
    uint64_t time;
    count(wasi_clock_time_get(small_extremes[i], UINT64_MAX, &time));
    count(wasi_clock_res_get(small_extremes[i], &time));
  }
  report("clock_time_get (numbers)");
  for (size_t i = 0; i < COUNT_OF(small_extremes); i++) {
    for (size_t j = 0; j < COUNT_OF(extremes); j++) {
      fd_t fd;
      errno_t error = wasi_path_open(3, small_extremes[i], "pointers.tmp", 12, small_extremes[i] & ~(uint32_t)OFLAG_TRUNC, extremes[j],
                                     extremes[j], 0, &fd);
      count(error);
      if (error == W_SUCCESS) (void)wasi_fd_close(fd);
      error = wasi_path_open(3, 0, "pointers.tmp", 12, 0, RIGHT_FD_READ, extremes[j], small_extremes[i], &fd);
      count(error);
      if (error == W_SUCCESS) (void)wasi_fd_close(fd);
    }
  }
  report("path_open (numbers)");
}

// No such descriptor: no call may take such a number for one.
static void descriptors(void) {
  static const fd_t wrong[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 1000};
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    fd_t fd = wrong[i], opened;
    size_t n;
    uint16_t flags;
    iovec_t iov = {scratch, 8};
    count(wasi_fd_advise(fd, 0, 0, 0));
    count(wasi_fd_allocate(fd, 0, 1));
    count(wasi_fd_close(fd));
    count(wasi_fd_datasync(fd));
    count(wasi_fd_fdstat_get(fd, scratch));
    count(wasi_fd_fdstat_set_flags(fd, 0));
    count(wasi_fd_fdstat_set_rights(fd, 0, 0));
    count(wasi_fd_filestat_get(fd, scratch));
    count(wasi_fd_filestat_set_size(fd, 0));
    count(wasi_fd_filestat_set_times(fd, 0, 0, 0));
    count(wasi_fd_pread(fd, &iov, 1, 0, &n));
    count(wasi_fd_prestat_get(fd, scratch));
    count(wasi_fd_prestat_dir_name(fd, scratch, 8));
    count(wasi_fd_pwrite(fd, &iov, 1, 0, &n));
    count(wasi_fd_read(fd, &iov, 1, &n));
    count(wasi_fd_readdir(fd, scratch, 8, 0, &n));
    count(wasi_fd_renumber(fd, fd));
    count(wasi_fd_seek(fd, 0, 0, scratch));
    count(wasi_fd_sync(fd));
    count(wasi_fd_tell(fd, scratch));
    count(wasi_fd_write(fd, &iov, 1, &n));
    count(wasi_path_create_directory(fd, "x", 1));
    count(wasi_path_filestat_get(fd, 0, "x", 1, scratch));
    count(wasi_path_filestat_set_times(fd, 0, "x", 1, 0, 0, 0));
    count(wasi_path_link(fd, 0, "x", 1, fd, "y", 1));
    count(wasi_path_open(fd, 0, "x", 1, 0, 0, 0, 0, &opened));
    count(wasi_path_readlink(fd, "x", 1, scratch, 8, &n));
    count(wasi_path_remove_directory(fd, "x", 1));
    count(wasi_path_rename(fd, "x", 1, fd, "y", 1));
    count(wasi_path_symlink("x", 1, fd, "y", 1));
    count(wasi_path_unlink_file(fd, "x", 1));
    count(wasi_sock_accept(fd, 0, &opened));
    count(wasi_sock_recv(fd, &iov, 1, 0, &n, &flags));
    count(wasi_sock_send(fd, &iov, 1, 0, &n));
    count(wasi_sock_shutdown(fd, 3));
  }
  report("every call on no descriptor");
}

int main(int argc, char **argv) {
  memory_size = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  if (argc > 1 && text_equal(argv[1], "whole")) {
    // Nothing of this program's data is left afterwards: only a constant may be used.
    if (wasi_random_get((void *)low_memory, memory_size) != 0) wasi_proc_exit(1);
    wasi_proc_exit(0);
  }
  const uint32_t from[7] = {0, 1, memory_size - 8, memory_size - 1, memory_size, 0x80000000, 0xffffffff};
  __builtin_memcpy(values, from, sizeof values);
  // Without a directory the calls on files all fail, and must still not harm the host.
  file = 0xfffffff0;
  (void)wasi_path_open(3, 0, "pointers.tmp", 12, OFLAG_CREAT | OFLAG_TRUNC, RIGHTS_FILE, 0, 0, &file);
  iovec_t iov = {"some bytes to read back, so that reading writes to memory\n", 58};
  size_t n;
  (void)wasi_fd_write(file, &iov, 1, &n);

  for (size_t i = 0; i < COUNT_OF(entries); i++) every_combination(&entries[i]);
  random_pairs();
  (void)wasi_fd_filestat_set_size(file, 64);
  with_iovecs("fd_read (iovecs)", read_iovecs);
  with_iovecs("fd_pread (iovecs)", pread_iovecs);
  with_iovecs("fd_write (iovecs)", write_iovecs);
  with_iovecs("fd_pwrite (iovecs)", pwrite_iovecs);
  with_iovecs("sock_recv (iovecs)", recv_iovecs);
  with_iovecs("sock_send (iovecs)", send_iovecs);
  (void)wasi_fd_filestat_set_size(file, 64);
  numbers();
  descriptors();
  (void)wasi_fd_close(file);
  (void)wasi_path_unlink_file(3, "pointers.tmp", 12);
  return 0;
}
