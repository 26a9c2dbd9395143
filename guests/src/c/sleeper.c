// Sleeps argv[1] milliseconds and then says `awake`. Exits with 1 if the sleep was cut short.
#include <time.h>
#include "text.h"

int main(int argc, char **argv) {
  uint64_t ms = argc > 1 ? parse_number(argv[1]) : 0;
  struct timespec want = {(time_t)(ms / 1000), (long)(ms % 1000 * 1000000)}, before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  if (nanosleep(&want, NULL) != 0) return 1;
  clock_gettime(CLOCK_MONOTONIC, &after);
  int64_t slept = (int64_t)(after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
  // Clocks may be coarse by policy: a millisecond is forgiven.
  if (slept + 1000000 < (int64_t)ms * 1000000) return 1;
  put_bytes(1, "awake\n", 6);
  return 0;
}
