// Echoes what comes over TCP, through the preopened listener. net-echo HOW COUNT: serves COUNT connections, then ends.
// HOW: `read` uses fd_read and fd_write, `recv` sock_recv and sock_send, one connection after the other; `poll` serves up to
// 64 at once, none of them ever waited for.
#include "text.h"

#define CLIENTS 64

static char buffer[65536];

static void die(const char *what, errno_t error) {
  put("net-echo: ");
  put(what);
  put(": ");
  put_errno(error);
  end_line(2);
  wasi_proc_exit(1);
}

static void must(const char *what, errno_t error) {
  if (error) die(what, error);
}

// The first socket among the descriptors that the program was started with.
static fd_t listener(void) {
  for (fd_t fd = 3;; fd++) {
    fdstat_t stat;
    must("no listener", wasi_fd_fdstat_get(fd, &stat));
    if (stat.filetype == FILETYPE_STREAM) return fd;
  }
}

static void serve(fd_t fd, int sockets) {
  for (;;) {
    iovec_t iov = {buffer, sizeof buffer};
    size_t got = 0;
    uint16_t flags;
    must("read", sockets ? wasi_sock_recv(fd, &iov, 1, 0, &got, &flags) : wasi_fd_read(fd, &iov, 1, &got));
    if (got == 0) break;
    for (size_t done = 0; done < got;) {
      iovec_t rest = {buffer + done, got - done};
      size_t written = 0;
      must("write", sockets ? wasi_sock_send(fd, &rest, 1, 0, &written) : wasi_fd_write(fd, &rest, 1, &written));
      done += written;
    }
  }
  must("shutdown", wasi_sock_shutdown(fd, 2));
  must("close", wasi_fd_close(fd));
}

typedef struct {
  fd_t fd;
  size_t held;
  size_t done;
  int open;
  int ended;
  char bytes[4096];
} client_t;

static client_t clients[CLIENTS];
static subscription_t subscriptions[CLIENTS + 1];
static event_t events[CLIENTS + 1];

static void turn(client_t *client) {
  if (client->held == client->done) {
    iovec_t iov = {client->bytes, sizeof client->bytes};
    size_t got = 0;
    errno_t error = wasi_fd_read(client->fd, &iov, 1, &got);
    if (error == W_EAGAIN) return;
    must("read", error);
    client->held = got;
    client->done = 0;
    client->ended = got == 0;
  }
  while (client->done < client->held) {
    iovec_t iov = {client->bytes + client->done, client->held - client->done};
    size_t written = 0;
    errno_t error = wasi_fd_write(client->fd, &iov, 1, &written);
    if (error == W_EAGAIN) return;
    must("write", error);
    client->done += written;
  }
  if (!client->ended) return;
  must("close", wasi_fd_close(client->fd));
  client->open = 0;
}

static void serve_all(fd_t fd, uint64_t count) {
  must("set flags", wasi_fd_fdstat_set_flags(fd, FDFLAG_NONBLOCK));
  uint64_t taken = 0, over = 0;
  while (over < count) {
    size_t n = 0, happened = 0;
    if (taken < count) subscriptions[n++] = (subscription_t){.userdata = CLIENTS, .tag = EVENT_FD_READ, .file = {fd}};
    for (size_t i = 0; i < CLIENTS; i++) {
      client_t *client = &clients[i];
      if (!client->open) continue;
      uint8_t tag = client->done < client->held ? EVENT_FD_WRITE : EVENT_FD_READ;
      subscriptions[n++] = (subscription_t){.userdata = i, .tag = tag, .file = {client->fd}};
    }
    must("poll", wasi_poll_oneoff(subscriptions, events, n, &happened));
    for (size_t i = 0; i < happened; i++) {
      must("event", events[i].error);
      if (events[i].userdata < CLIENTS) {
        client_t *client = &clients[events[i].userdata];
        turn(client);
        if (!client->open) over++;
        continue;
      }
      for (size_t k = 0; k < CLIENTS && taken < count; k++) {
        if (clients[k].open) continue;
        errno_t error = wasi_sock_accept(fd, FDFLAG_NONBLOCK, &clients[k].fd);
        if (error == W_EAGAIN) break;
        must("accept", error);
        clients[k] = (client_t){.fd = clients[k].fd, .open = 1};
        taken++;
      }
    }
  }
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "read";
  uint64_t count = argc > 2 ? parse_number(argv[2]) : 1;
  fd_t fd = listener();
  if (text_equal(how, "poll")) serve_all(fd, count);
  else
    for (uint64_t i = 0; i < count; i++) {
      fd_t accepted;
      must("accept", wasi_sock_accept(fd, 0, &accepted));
      serve(accepted, text_equal(how, "recv"));
    }
  return 0;
}
