// The four clocks: resolutions, order, and how they relate to each other.
#define PROGRAM "clock"
#include "check.h"

static uint64_t now(uint32_t clock) {
  uint64_t time = 0;
  OK(wasi_clock_time_get(clock, 1, &time));
  return time;
}

int main(void) {
  const uint64_t second = 1000000000;
  const uint64_t year = 365 * 24 * 3600 * second;
  uint64_t value;
  for (uint32_t clock = CLOCK_ID_REALTIME; clock <= CLOCK_ID_THREAD_CPU; clock++) {
    value = 0;
    OK(wasi_clock_res_get(clock, &value));
    TRUE(value > 0 && value <= second);
    uint64_t before = now(clock);
    // The real-time clock may be set back while this runs.
    for (int i = 0; i < 10000 && clock != CLOCK_ID_REALTIME; i++) {
      uint64_t after = now(clock);
      if (after < before) {
        EQUAL(after, before);
        break;
      }
      before = after;
    }
  }
  uint64_t real = now(CLOCK_ID_REALTIME);
  TRUE(real > 50 * year && real < 500 * year);

  // Work must show on the monotonic clock and on both CPU clocks; no CPU time is more than the time that passed.
  uint64_t wall = now(CLOCK_ID_MONOTONIC), process = now(CLOCK_ID_PROCESS_CPU), thread = now(CLOCK_ID_THREAD_CPU);
  volatile uint32_t work = 0;
  for (;;) {
    for (uint32_t i = 0; i < 100000; i++) work = work + i;
    uint64_t passed = now(CLOCK_ID_MONOTONIC) - wall;
    int shown = now(CLOCK_ID_PROCESS_CPU) > process && now(CLOCK_ID_THREAD_CPU) > thread;
    // A host that has other work gives less than all of the time, and may tell of it in steps of its own.
    if (passed > 20000000 && (shown || passed > 10 * second)) break;
  }
  // Inside of what the process's clock showed.
  thread = now(CLOCK_ID_THREAD_CPU) - thread;
  process = now(CLOCK_ID_PROCESS_CPU) - process;
  wall = now(CLOCK_ID_MONOTONIC) - wall;
  TRUE(process > 0);
  TRUE(thread > 0);
  TRUE(thread <= process + 10000000);

  FAILS(wasi_clock_time_get(4, 0, &value), EINVAL);
  FAILS(wasi_clock_time_get(0xffffffff, 0, &value), EINVAL);
  FAILS(wasi_clock_res_get(4, &value), EINVAL);
  FAILS(wasi_clock_time_get(CLOCK_ID_MONOTONIC, 0, (void *)0xfffffff8), EFAULT);
  FAILS(wasi_clock_res_get(CLOCK_ID_MONOTONIC, (void *)0xffffffff), EFAULT);
  OK(wasi_clock_time_get(CLOCK_ID_MONOTONIC, UINT64_MAX, &value));
  return finish();
}
