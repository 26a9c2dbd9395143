// net-client HOST PORT: connects with the first endpoint that it has, sends its input, prints what comes back.
#include "../../sdk/c/superos.h"
#include "text.h"

static char buffer[65536];

static void must(const char *what, errno_t error) {
  if (!error) return;
  put("net-client: ");
  put(what);
  put(": ");
  put_errno(error);
  end_line(2);
  wasi_proc_exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  superos_handle_t endpoint;
  superos_fd_t fd;
  must("no endpoint", superos_cap_find("endpoint", 8, &endpoint));
  must(argv[1], superos_net_connect(endpoint, argv[1], text_length(argv[1]), (uint32_t)parse_number(argv[2]), &fd));
  for (;;) {
    iovec_t iov = {buffer, sizeof buffer};
    size_t got = 0;
    must("input", wasi_fd_read(0, &iov, 1, &got));
    if (got == 0) break;
    for (size_t done = 0; done < got;) {
      iovec_t rest = {buffer + done, got - done};
      size_t sent = 0;
      must("send", wasi_fd_write(fd, &rest, 1, &sent));
      done += sent;
    }
  }
  must("shutdown", wasi_sock_shutdown(fd, 2));
  for (;;) {
    iovec_t iov = {buffer, sizeof buffer};
    size_t got = 0;
    must("receive", wasi_fd_read(fd, &iov, 1, &got));
    if (got == 0) break;
    put_bytes(1, buffer, got);
  }
  return 0;
}
