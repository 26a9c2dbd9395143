// poll_oneoff: clocks, several subscriptions at once, descriptors. Run it with an input that has bytes to read or is at its end.
#define PROGRAM "poll"
#include "check.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

static const uint64_t ms = 1000000;

static uint64_t now(uint32_t clock) {
  uint64_t time = 0;
  OK(wasi_clock_time_get(clock, 1, &time));
  return time;
}

static subscription_t clock_in(uint64_t userdata, uint32_t id, uint64_t timeout, uint16_t flags) {
  subscription_t s = {.userdata = userdata, .tag = EVENT_CLOCK};
  s.clock.id = id;
  s.clock.timeout = timeout;
  s.clock.flags = flags;
  return s;
}

static subscription_t on_fd(uint64_t userdata, uint8_t tag, fd_t fd) {
  subscription_t s = {.userdata = userdata, .tag = tag};
  s.file.fd = fd;
  return s;
}

static void test_clocks(void) {
  event_t event = {0};
  size_t n = 0;
  uint64_t before = now(CLOCK_ID_MONOTONIC);
  subscription_t s = clock_in(UINT64_C(0x1122334455667788), CLOCK_ID_MONOTONIC, 20 * ms, 0);
  OK(wasi_poll_oneoff(&s, &event, 1, &n));
  EQUAL(n, 1);
  EQUAL(event.userdata, UINT64_C(0x1122334455667788));
  EQUAL(event.error, W_SUCCESS);
  EQUAL(event.type, EVENT_CLOCK);
  TRUE(now(CLOCK_ID_MONOTONIC) - before >= 19 * ms);

  before = now(CLOCK_ID_MONOTONIC);
  s = clock_in(1, CLOCK_ID_MONOTONIC, before + 20 * ms, SUBCLOCK_ABSTIME);
  OK(wasi_poll_oneoff(&s, &event, 1, &n));
  EQUAL(n, 1);
  TRUE(now(CLOCK_ID_MONOTONIC) - before >= 19 * ms);

  before = now(CLOCK_ID_MONOTONIC);
  s = clock_in(2, CLOCK_ID_REALTIME, now(CLOCK_ID_REALTIME) + 20 * ms, SUBCLOCK_ABSTIME);
  OK(wasi_poll_oneoff(&s, &event, 1, &n));
  EQUAL(event.error, W_SUCCESS);
  TRUE(now(CLOCK_ID_MONOTONIC) - before >= 15 * ms);

  // A time that is past is due at once.
  s = clock_in(3, CLOCK_ID_MONOTONIC, 1, SUBCLOCK_ABSTIME);
  OK(wasi_poll_oneoff(&s, &event, 1, &n));
  EQUAL(n, 1);
  EQUAL(event.userdata, 3);
  s = clock_in(4, CLOCK_ID_MONOTONIC, 0, 0);
  OK(wasi_poll_oneoff(&s, &event, 1, &n));
  EQUAL(n, 1);

  // Of two, the earlier; the later one is far enough not to be due by chance.
  subscription_t two[2] = {clock_in(10, CLOCK_ID_MONOTONIC, 3600000 * ms, 0), clock_in(11, CLOCK_ID_MONOTONIC, 5 * ms, 0)};
  event_t events[2] = {{0}};
  OK(wasi_poll_oneoff(two, events, 2, &n));
  EQUAL(n, 1);
  EQUAL(events[0].userdata, 11);
  // Two that are both due are both told.
  two[0].clock.timeout = 0;
  two[1].clock.timeout = 0;
  OK(wasi_poll_oneoff(two, events, 2, &n));
  EQUAL(n, 2);
  EQUAL(events[0].userdata + events[1].userdata, 21);
}

static void test_descriptors(void) {
  event_t events[3];
  size_t n = 0;
  subscription_t subscriptions[3] = {on_fd(1, EVENT_FD_WRITE, 1), clock_in(2, CLOCK_ID_MONOTONIC, 3600000 * ms, 0), on_fd(3, EVENT_FD_READ, 0)};
  OK(wasi_poll_oneoff(subscriptions, events, 2, &n));
  EQUAL(n, 1);
  EQUAL(events[0].userdata, 1);
  EQUAL(events[0].type, EVENT_FD_WRITE);
  EQUAL(events[0].error, W_SUCCESS);

  OK(wasi_poll_oneoff(subscriptions + 2, events, 1, &n));
  EQUAL(n, 1);
  EQUAL(events[0].userdata, 3);
  EQUAL(events[0].type, EVENT_FD_READ);
  EQUAL(events[0].error, W_SUCCESS);

  // A wrong descriptor fails its own subscription; some hosts fail the whole call.
  subscription_t bad = on_fd(4, EVENT_FD_READ, 1000);
  errno_t error = wasi_poll_oneoff(&bad, events, 1, &n);
  if (error == W_SUCCESS) {
    EQUAL(n, 1);
    EQUAL(events[0].userdata, 4);
    error = events[0].error;
  }
  EQUAL(error, W_EBADF);

  // Reading on after the event gives what it promised: bytes, or the end.
  char byte;
  iovec_t iov = {&byte, 1};
  OK(wasi_fd_read(0, &iov, 1, &n));
  TRUE(n <= 1);
}

static void test_errors(void) {
  event_t event;
  size_t n = 0;
  subscription_t s = clock_in(1, CLOCK_ID_MONOTONIC, 0, 0);
  FAILS(wasi_poll_oneoff(&s, &event, 0, &n), EINVAL);
  FAILS(wasi_poll_oneoff((void *)0xffffff00, &event, 1, &n), EFAULT);
  FAILS(wasi_poll_oneoff(&s, (void *)0xffffff00, 1, &n), EFAULT);
  FAILS(wasi_poll_oneoff(&s, &event, 1, (void *)0xfffffffc), EFAULT);
  s.tag = 3;
  FAILS(wasi_poll_oneoff(&s, &event, 1, &n), EINVAL);
  // A clock that does not exist: the call or its event says so.
  s = clock_in(1, 77, 0, 0);
  event.error = 0;
  errno_t error = wasi_poll_oneoff(&s, &event, 1, &n);
  if (error == W_SUCCESS) error = event.error;
  FAILS_EITHER(error, EINVAL, ENOTSUP);
}

static void test_libc(void) {
  uint64_t before = now(CLOCK_ID_MONOTONIC);
  struct timespec request = {0, 10 * 1000000};
  EQUAL(nanosleep(&request, NULL), 0);
  EQUAL(usleep(5000), 0);
  TRUE(now(CLOCK_ID_MONOTONIC) - before >= 14 * ms);
  struct pollfd descriptors[2] = {{.fd = 1, .events = POLLOUT}, {.fd = 2, .events = POLLOUT}};
  EQUAL(poll(descriptors, 2, 1000), 2);
  TRUE(descriptors[0].revents & POLLOUT);
  TRUE(descriptors[1].revents & POLLOUT);
}

int main(void) {
  test_clocks();
  test_descriptors();
  test_errors();
  test_libc();
  return finish();
}
