// pipe BYTES [touch]: passes so many bytes through a pipe to another process, as fast as the host moves them. With `touch` one end writes
// every byte before, and the other reads every byte after; else neither looks at any. Prints megabytes (10^6) a second.
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };
static _Alignas(64) char buffer[PIECE];
static volatile uint64_t sum;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  int ends[2];
  if (argc < 2 || argc > 3 || pipe(ends) != 0) return 1;
  double bytes = atof(argv[1]), left = bytes;
  int touch = argc == 3;
  int piece = 0;
  double from = now();
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    close(ends[0]);
    while (left > 0) {
      if (touch) memset(buffer, ++piece, sizeof buffer);
      ssize_t written = write(ends[1], buffer, left < sizeof buffer ? (size_t)left : sizeof buffer);
      if (written <= 0) _exit(1);
      left -= written;
    }
    _exit(0);
  }
  close(ends[1]);
  for (;;) {
    ssize_t got = read(ends[0], buffer, sizeof buffer);
    if (got < 0) return 1;
    if (got == 0) break;
    left -= got;
    if (!touch) continue;
    uint64_t words = 0;
    for (ssize_t i = 0; i < got / 8; i++) words += ((uint64_t *)buffer)[i];
    sum += words;
  }
  double took = now() - from;
  int status = 1;
  if (waitpid(child, &status, 0) != child || status != 0 || left != 0) return 1;
  printf("%f\n", bytes / took / 1e6);
  return 0;
}
