// Randomness: every byte of the buffer is filled, no other is touched, and two draws differ.
#define PROGRAM "random"
#include "check.h"

static uint8_t big[200000];

int main(void) {
  uint8_t a[34] = {0}, b[34] = {0};
  OK(wasi_random_get(a + 1, 32));
  OK(wasi_random_get(b + 1, 32));
  EQUAL(a[0], 0);
  EQUAL(a[33], 0);
  int same = 1;
  for (int i = 1; i < 33; i++) same &= a[i] == b[i];
  TRUE(!same);

  OK(wasi_random_get(a, 0));
  // Larger than the 65,536 bytes that some sources give at a time.
  OK(wasi_random_get(big, sizeof big));
  for (size_t from = 0; from < sizeof big; from += 1000) {
    uint8_t all = 0;
    for (size_t i = from; i < from + 1000; i++) all |= big[i];
    if (all != 0xff) TRUE(!"a thousand random bytes have every bit");
  }
  uint32_t counts[256] = {0};
  for (size_t i = 0; i < sizeof big; i++) counts[big[i]]++;
  // The mean is 781 and the standard deviation 28: ten of them off is no chance.
  for (int i = 0; i < 256; i++) TRUE(counts[i] > 500 && counts[i] < 1060);

  FAILS(wasi_random_get((void *)0xffffffff, 2), EFAULT);
  FAILS(wasi_random_get(a, 0xffffffff), EFAULT);
  return finish();
}
