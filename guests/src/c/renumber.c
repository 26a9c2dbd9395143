// fd_renumber onto itself, onto huge numbers, and a hundred thousand times: as many descriptors are open afterwards as before.
// Needs a directory at fd 3.
#define PROGRAM "renumber"
#include "check.h"

static uint32_t open_descriptors(void) {
  fdstat_t stat;
  uint32_t open = 0;
  for (fd_t fd = 0; fd < 2000; fd++) open += wasi_fd_fdstat_get(fd, &stat) == W_SUCCESS;
  return open;
}

static fd_t open_directory(void) {
  fd_t fd = 0xfffffff0;
  OK(wasi_path_open(3, 0, ".", 1, OFLAG_DIRECTORY, RIGHT_FD_READDIR, 0, 0, &fd));
  return fd;
}

int main(int argc, char **argv) {
  uint64_t times = argc > 1 ? parse_number(argv[1]) : 100000;
  uint32_t before = open_descriptors();
  fdstat_t stat;
  fd_t a = open_directory(), b = open_directory();
  for (uint64_t i = 0; i < times; i++) OK(wasi_fd_renumber(a, a));
  OK(wasi_fd_fdstat_get(a, &stat));
  EQUAL(open_descriptors(), before + 2);

  static const fd_t huge[] = {1000, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
    FAILS(wasi_fd_renumber(a, huge[i]), EBADF);
    FAILS(wasi_fd_renumber(huge[i], a), EBADF);
    FAILS(wasi_fd_renumber(huge[i], huge[i]), EBADF);
  }
  // Numbers that grow by one each time: a table must not follow them.
  for (uint64_t i = 0; i < times; i++) FAILS(wasi_fd_renumber(a, (fd_t)(1000 + i)), EBADF);
  EQUAL(open_descriptors(), before + 2);

  for (uint64_t i = 0; i < times; i++) {
    OK(wasi_fd_renumber(a, b));
    a = open_directory();
  }
  EQUAL(open_descriptors(), before + 2);
  OK(wasi_fd_close(a));
  OK(wasi_fd_close(b));
  EQUAL(open_descriptors(), before);
  return finish();
}
