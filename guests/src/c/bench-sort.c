// Sorting: quicksort, heapsort, and libc's qsort with a comparison through a pointer. argv[1]: rounds.
#include <stdlib.h>

#include "text.h"

enum { N = 1 << 17 };

static uint32_t values[N], checksum;

static void fill(uint32_t seed) {
  for (int i = 0; i < N; i++) seed = seed * 1664525 + 1013904223, values[i] = seed >> 4;
}

static void swap(int i, int j) {
  uint32_t value = values[i];
  values[i] = values[j], values[j] = value;
}

static void quicksort(int low, int high) {
  while (low < high) {
    uint32_t pivot = values[low + (high - low) / 2];
    int i = low - 1, j = high + 1;
    for (;;) {
      do i++;
      while (values[i] < pivot);
      do j--;
      while (values[j] > pivot);
      if (i >= j) break;
      swap(i, j);
    }
    quicksort(low, j);
    low = j + 1;
  }
}

static void sift(int root, int end) {
  for (int child; (child = 2 * root + 1) < end; root = child) {
    if (child + 1 < end && values[child] < values[child + 1]) child++;
    if (values[root] >= values[child]) return;
    swap(root, child);
  }
}

static void heapsort_values(void) {
  for (int root = N / 2; root-- > 0;) sift(root, N);
  for (int end = N; --end > 0;) swap(0, end), sift(0, end);
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static int sorted(void) {
  for (int i = 1; i < N; i++)
    if (values[i - 1] > values[i]) return 0;
  checksum = checksum * 31 + values[N / 3];
  return 1;
}

int main(int argc, char **argv) {
  uint32_t rounds = argc > 1 ? (uint32_t)parse_number(argv[1]) : 1;
  for (uint32_t round = 1; round <= rounds; round++) {
    fill(round), quicksort(0, N - 1);
    if (!sorted()) return 1;
    fill(round + 1), heapsort_values();
    if (!sorted()) return 1;
    fill(round + 2), qsort(values, N, sizeof *values, compare);
    if (!sorted()) return 1;
  }
  put_number(checksum);
  end_line(1);
}
