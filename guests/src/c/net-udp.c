// Datagrams. net-udp serve ADDRESS PORT COUNT: says at which port, then answers COUNT of them with what they held.
// net-udp ask HOST PORT TEXT: sends one, and prints what is answered, and by whom.
#include "../../sdk/c/superos.h"
#include "text.h"

static char buffer[65536];
static char address[SUPEROS_ADDRESS_BYTES + 1];

static void must(const char *what, errno_t error) {
  if (!error) return;
  put("net-udp: ");
  put(what);
  put(": ");
  put_errno(error);
  end_line(2);
  wasi_proc_exit(1);
}

static size_t receive(superos_fd_t fd, uint32_t *port) {
  superos_iovec_t iov = {buffer, sizeof buffer};
  size_t used = 0, got = 0;
  must("receive", superos_net_recv_from(fd, &iov, 1, address, SUPEROS_ADDRESS_BYTES, &used, port, &got));
  address[used] = 0;
  return got;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int serves = text_equal(argv[1], "serve");
  superos_handle_t endpoint;
  superos_fd_t fd;
  uint32_t port = (uint32_t)parse_number(argv[3]);
  size_t n;
  must("no endpoint", superos_cap_find("endpoint", 8, &endpoint));
  if (serves) {
    must("bind", superos_net_bind(endpoint, argv[2], text_length(argv[2]), port, &fd));
    must("address", superos_net_address(fd, SUPEROS_LOCAL, address, SUPEROS_ADDRESS_BYTES, &n, &port));
    put_number(port);
    end_line(1);
    for (uint64_t left = parse_number(argv[4]); left > 0; left--) {
      size_t got = receive(fd, &port);
      superos_iovec_t iov = {buffer, got};
      must("answer", superos_net_send_to(fd, &iov, 1, address, text_length(address), port, &n));
    }
    return 0;
  }
  must("bind", superos_net_bind(endpoint, "0.0.0.0", 7, 0, &fd));
  superos_iovec_t iov = {argv[4], text_length(argv[4])};
  must("send", superos_net_send_to(fd, &iov, 1, argv[2], text_length(argv[2]), port, &n));
  n = receive(fd, &port);
  buffer[n < sizeof buffer ? n : sizeof buffer - 1] = 0;
  put(address);
  put(" ");
  put_number(port);
  put(": ");
  put(buffer);
  end_line(1);
  return 0;
}
