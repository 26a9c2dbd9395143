// Numeric: products of dense matrices of doubles. argv[1]: rounds.
#include "text.h"

enum { N = 192 };

static double a[N][N], b[N][N], c[N][N];

int main(int argc, char **argv) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) a[i][j] = i - j, b[i][j] = i ^ j;
  for (uint64_t rounds = argc > 1 ? parse_number(argv[1]) : 1; rounds > 0; rounds--) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    a[rounds % N][0] = c[0][rounds % N] / N;
  }
  double trace = 0;
  for (int i = 0; i < N; i++) trace += c[i][i];
  put_number((uint64_t)(int64_t)trace);
  end_line(1);
}
