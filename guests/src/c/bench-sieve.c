// The tightest loops there are: the sieve of Eratosthenes, a byte a number. argv[1]: rounds.
#include "text.h"

enum { SIZE = 1 << 21 };

static uint8_t composite[SIZE];

static uint32_t sieve(void) {
  for (uint32_t i = 0; i < SIZE; i++) composite[i] = 0;
  for (uint32_t i = 2; i * i < SIZE; i++) {
    if (composite[i]) continue;
    for (uint32_t j = i * i; j < SIZE; j += i) composite[j] = 1;
  }
  uint32_t count = 0;
  for (uint32_t i = 2; i < SIZE; i++) count += !composite[i];
  return count;
}

int main(int argc, char **argv) {
  uint32_t primes = 0;
  for (uint64_t rounds = argc > 1 ? parse_number(argv[1]) : 1; rounds > 0; rounds--) primes = sieve();
  put_number(primes);
  end_line(1);
}
