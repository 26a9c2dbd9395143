// Recursion: Fibonacci, Ackermann, Takeuchi, and the two functions of Hofstadter that call each other. argv[1]: rounds.
#include "text.h"

__attribute__((noinline)) static uint32_t fibonacci(uint32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noinline)) static uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

__attribute__((noinline)) static int tak(int x, int y, int z) {
  return y < x ? tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) : z;
}

static uint32_t male(uint32_t n);

__attribute__((noinline)) static uint32_t female(uint32_t n) {
  return n == 0 ? 1 : n - male(female(n - 1));
}

__attribute__((noinline)) static uint32_t male(uint32_t n) {
  return n == 0 ? 0 : n - female(male(n - 1));
}

int main(int argc, char **argv) {
  uint32_t sum = 0;
  for (uint32_t round = argc > 1 ? (uint32_t)parse_number(argv[1]) : 1; round > 0; round--)
    sum += fibonacci(24 + round % 4) + ackermann(2, 300 + round) + (uint32_t)tak(14 + (int)(round % 3), 10, 5) + male(60 + round % 8);
  put_number(sum);
  end_line(1);
}
