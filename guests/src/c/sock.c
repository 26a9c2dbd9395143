// The socket calls on what is no socket: refused, each in the standard's way.
#define PROGRAM "sock"
#include "check.h"

// A host checks the kind of a descriptor first or its rights: both are right.
#define REFUSED(call) FAILS_EITHER(call, ENOTSOCK, ENOTCAPABLE)

int main(void) {
  char bytes[8] = "x";
  iovec_t iov = {bytes, sizeof bytes};
  fd_t accepted;
  size_t n;
  uint16_t roflags;
  // A standard stream may itself be a socket: then it is not what this program is about.
  for (fd_t fd = 0; fd < 3; fd++) {
    fdstat_t stat;
    if (wasi_fd_fdstat_get(fd, &stat) != 0 || stat.filetype == FILETYPE_STREAM || stat.filetype == FILETYPE_DGRAM) continue;
    REFUSED(wasi_sock_accept(fd, 0, &accepted));
    REFUSED(wasi_sock_recv(fd, &iov, 1, 0, &n, &roflags));
    REFUSED(wasi_sock_send(fd, &iov, 1, 0, &n));
    REFUSED(wasi_sock_shutdown(fd, 3));
  }
  FAILS(wasi_sock_accept(1000, 0, &accepted), EBADF);
  FAILS(wasi_sock_recv(1000, &iov, 1, 0, &n, &roflags), EBADF);
  FAILS(wasi_sock_send(1000, &iov, 1, 0, &n), EBADF);
  FAILS(wasi_sock_shutdown(1000, 3), EBADF);
  FAILS(wasi_sock_accept(0xffffffff, 0, &accepted), EBADF);
  return finish();
}
