// Numeric: a radix-2 Fourier transform of 2^14 complex numbers, there and back. argv[1]: rounds.
#include <math.h>

#include "text.h"

enum { BITS = 14, N = 1 << BITS };

static double re[N], im[N], cosines[N / 2], sines[N / 2];

static void transform(double direction) {
  for (uint32_t i = 1, j = 0; i < N; i++) {
    uint32_t bit = N >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    double x = re[i], y = im[i];
    re[i] = re[j], im[i] = im[j], re[j] = x, im[j] = y;
  }
  for (uint32_t half = 1; half < N; half *= 2)
    for (uint32_t start = 0; start < N; start += 2 * half)
      for (uint32_t k = 0; k < half; k++) {
        double c = cosines[k * (N / 2 / half)], s = direction * sines[k * (N / 2 / half)];
        uint32_t a = start + k, b = a + half;
        double x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x, im[b] = im[a] - y;
        re[a] += x, im[a] += y;
      }
}

int main(int argc, char **argv) {
  for (int i = 0; i < N / 2; i++) cosines[i] = cos(6.283185307179586 * i / N), sines[i] = sin(6.283185307179586 * i / N);
  for (int i = 0; i < N; i++) re[i] = i % 97;
  for (uint64_t rounds = argc > 1 ? parse_number(argv[1]) : 1; rounds > 0; rounds--) {
    transform(-1);
    transform(1);
    for (int i = 0; i < N; i++) re[i] /= N, im[i] /= N;
  }
  double sum = 0;
  for (int i = 0; i < N; i++) sum += re[i];
  put_number((uint64_t)(sum + 0.5));
  end_line(1);
}
