// A reactor: `_initialize` once, then exported functions, each call starting from the state that the last one left.
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

static int32_t initialized;
static int32_t calls;

__attribute__((constructor)) static void initialize(void) {
  initialized++;
}

// How often the constructors have run: 1 where the host does it right.
int32_t EXPORT(initializations)(void) {
  return initialized;
}

int32_t EXPORT(count)(void) {
  return ++calls;
}

int32_t EXPORT(add)(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

// Modulo 2^64.
uint64_t EXPORT(fac)(uint64_t n) {
  return n == 0 ? 1 : n * fac(n - 1);
}

double EXPORT(half)(double x) {
  return x / 2;
}
