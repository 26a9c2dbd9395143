// sched_yield: always succeeds. Yields argv[1] times, a thousand without it.
#define PROGRAM "sched"
#include "check.h"

#include <sched.h>

int main(int argc, char **argv) {
  uint64_t times = argc > 1 ? parse_number(argv[1]) : 1000;
  for (uint64_t i = 0; i < times; i++) OK(wasi_sched_yield());
  EQUAL(sched_yield(), 0);
  return finish();
}
