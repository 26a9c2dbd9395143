// poll_oneoff with n in {0, 1, 65536, 2^31, 2^32-1}: prints `n: ERRNO events`. The host's memory must not grow with n.
#include "text.h"

enum { MOST = 65536 };
static subscription_t subscriptions[MOST];
static event_t events[MOST];

int main(void) {
  static const uint32_t numbers[] = {0, 1, MOST, 0x7fffffff, 0x80000000, 0xffffffff, 0x05555556, 0x08000001};
  for (uint32_t i = 0; i < MOST; i++) {
    subscriptions[i].userdata = i;
    subscriptions[i].tag = i % 3 == 0 ? EVENT_CLOCK : EVENT_FD_WRITE;
    if (i % 3 == 0) subscriptions[i].clock.id = CLOCK_ID_MONOTONIC;
    else subscriptions[i].file.fd = i % 3 == 1 ? 1 : 1000;
  }
  // The last two numbers times the size of a subscription or an event are small modulo 2^32.
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    size_t n = 0;
    errno_t error = wasi_poll_oneoff(subscriptions, events, numbers[i], &n);
    put_number(numbers[i]);
    put(": ");
    put_errno(error);
    put(" ");
    put_number(n);
    end_line(1);
  }
  return 0;
}
