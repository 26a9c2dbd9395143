// Makes the calls of the network that its arguments name, and prints what each gave: `CALL: ERRNO ...`. CAP is what
// superos_cap_find is asked for, or a number. The socket that the last call made is the one that the next works on.
//   find CAP | drop CAP | connect CAP HOST PORT | listen CAP ADDRESS PORT BACKLOG | bind CAP ADDRESS PORT | resolve CAP NAME
//   accept | use FD | send TEXT | recv FLAGS LENGTH | read LENGTH | shutdown HOW | close | nonblock | address END
//   sendto HOST PORT TEXT | recvfrom LENGTH | many COUNT CAP HOST PORT
#include "../../sdk/c/superos.h"
#include "text.h"

static char buffer[65536];
static char address[SUPEROS_ADDRESS_BYTES + 1];
static superos_fd_t current;
static char **next;

static const char *word(void) {
  return *next ? *next++ : "";
}

static uint32_t number(void) {
  return (uint32_t)parse_number(word());
}

static errno_t find(superos_handle_t *handle) {
  const char *name = word();
  *handle = 0;
  if (*name >= '0' && *name <= '9') {
    *handle = (uint32_t)parse_number(name);
    return 0;
  }
  return superos_cap_find(name, text_length(name), handle);
}

static void tell(const char *call, errno_t error) {
  put(call);
  put(": ");
  put_errno(error);
}

static void tell_address(uint32_t end) {
  size_t used = 0;
  uint32_t port = 0;
  errno_t error = superos_net_address(current, end, address, SUPEROS_ADDRESS_BYTES, &used, &port);
  put(" ");
  if (error) {
    put_errno(error);
    return;
  }
  address[used] = 0;
  put(address);
  put(" ");
  put_number(port);
}

static void tell_bytes(size_t length) {
  buffer[length < sizeof buffer ? length : sizeof buffer - 1] = 0;
  put(" ");
  put_number(length);
  put(" ");
  put(buffer);
}

static size_t bounded(uint32_t length) {
  return length < sizeof buffer ? length : sizeof buffer;
}

static void perform(const char *call) {
  superos_handle_t cap = 0;
  superos_fd_t fd = 0;
  size_t n = 0, used = 0;
  uint16_t roflags;
  uint32_t port;
  errno_t error;
  if (text_equal(call, "find")) tell(call, find(&cap));
  else if (text_equal(call, "drop")) {
    error = find(&cap);
    tell(call, error ? error : superos_cap_drop(cap));
  } else if (text_equal(call, "connect")) {
    error = find(&cap);
    const char *host = word();
    port = number();
    if (!error) error = superos_net_connect(cap, host, text_length(host), port, &fd);
    tell(call, error);
    if (error) return;
    current = fd;
    tell_address(SUPEROS_REMOTE);
  } else if (text_equal(call, "listen")) {
    error = find(&cap);
    const char *host = word();
    port = number();
    uint32_t backlog = number();
    if (!error) error = superos_net_listen(cap, host, text_length(host), port, backlog, &fd);
    tell(call, error);
    if (error) return;
    current = fd;
    tell_address(SUPEROS_LOCAL);
  } else if (text_equal(call, "bind")) {
    error = find(&cap);
    const char *host = word();
    port = number();
    if (!error) error = superos_net_bind(cap, host, text_length(host), port, &fd);
    tell(call, error);
    if (error) return;
    current = fd;
    tell_address(SUPEROS_LOCAL);
  } else if (text_equal(call, "resolve")) {
    error = find(&cap);
    const char *host = word();
    if (!error) error = superos_net_resolve(cap, host, text_length(host), buffer, sizeof buffer, &used);
    tell(call, error);
    if (error) return;
    for (size_t at = 0; at < used; at += text_length(buffer + at) + 1) put(" "), put(buffer + at);
  } else if (text_equal(call, "accept")) {
    error = wasi_sock_accept(current, 0, &fd);
    tell(call, error);
    if (!error) current = fd;
  } else if (text_equal(call, "use")) {
    current = number();
    tell(call, 0);
  } else if (text_equal(call, "send")) {
    const char *text = word();
    iovec_t iov = {text, text_length(text)};
    tell(call, wasi_sock_send(current, &iov, 1, 0, &n));
  } else if (text_equal(call, "recv")) {
    uint32_t flags = number();
    iovec_t iov = {buffer, bounded(number())};
    error = wasi_sock_recv(current, &iov, 1, flags, &n, &roflags);
    tell(call, error);
    if (!error) tell_bytes(n);
  } else if (text_equal(call, "read")) {
    iovec_t iov = {buffer, bounded(number())};
    error = wasi_fd_read(current, &iov, 1, &n);
    tell(call, error);
    if (!error) tell_bytes(n);
  } else if (text_equal(call, "shutdown")) tell(call, wasi_sock_shutdown(current, number()));
  else if (text_equal(call, "close")) tell(call, wasi_fd_close(current));
  else if (text_equal(call, "nonblock")) tell(call, wasi_fd_fdstat_set_flags(current, FDFLAG_NONBLOCK));
  else if (text_equal(call, "address")) {
    tell(call, 0);
    tell_address(number());
  } else if (text_equal(call, "sendto")) {
    const char *host = word();
    port = number();
    const char *text = word();
    superos_iovec_t iov = {text, text_length(text)};
    tell(call, superos_net_send_to(current, &iov, 1, host, text_length(host), port, &n));
  } else if (text_equal(call, "recvfrom")) {
    superos_iovec_t iov = {buffer, bounded(number())};
    error = superos_net_recv_from(current, &iov, 1, address, SUPEROS_ADDRESS_BYTES, &used, &port, &n);
    tell(call, error);
    if (error) return;
    address[used] = 0;
    put(" "), put(address), put(" "), put_number(port);
    tell_bytes(n);
  } else if (text_equal(call, "many")) {
    // Opens connections until one fails, and tells how many there were.
    uint32_t count = number(), made = 0;
    error = find(&cap);
    const char *host = word();
    port = number();
    while (!error && made < count) {
      error = superos_net_connect(cap, host, text_length(host), port, &fd);
      if (!error) made++;
    }
    tell(call, error);
    put(" ");
    put_number(made);
  } else tell(call, W_ENOSYS);
}

int main(int argc, char **argv) {
  next = argv + (argc > 0 ? 1 : 0);
  while (*next) {
    perform(word());
    end_line(1);
  }
  return 0;
}
