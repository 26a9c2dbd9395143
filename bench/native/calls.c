// Reads lines WHAT COUNT [PATH [LENGTH]], separated by tabs; does each thing COUNT times, and prints the nanoseconds that one took, or why not.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int spawn(const char *program) {
  char *const argv[] = {(char *)program, NULL}, *const envp[] = {NULL};
  pid_t pid;
  int status;
  return posix_spawn(&pid, program, NULL, NULL, argv, envp) != 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

// Two processes that answer each other through two pipes: a round trip is two switches.
static long switches(long count) {
  int there[2], back[2];
  char byte = 0;
  if (pipe(there) != 0 || pipe(back) != 0) return 1;
  pid_t pid = fork();
  if (pid < 0) return 1;
  if (pid == 0) {
    for (long i = 0; i < count; i += 2)
      if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  long failed = 0;
  for (long i = 0; i < count; i += 2) failed |= write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1;
  int status;
  return failed | (waitpid(pid, &status, 0) != pid) | status;
}

static double measure(const char *what, long count, const char *path, size_t length) {
  int fd = length > 0 ? open(path, O_RDWR) : 0;
  struct stat status;
  struct timespec time;
  long failed = fd < 0 || length > sizeof buffer;
  double start = now();
  if (failed) return -1;
  if (strcmp(what, "getppid") == 0) for (long i = 0; i < count; i++) failed |= getppid() < 0;
  else if (strcmp(what, "fstat") == 0) for (long i = 0; i < count; i++) failed |= fstat(0, &status);
  else if (strcmp(what, "monotonic") == 0) for (long i = 0; i < count; i++) failed |= clock_gettime(CLOCK_MONOTONIC, &time);
  else if (strcmp(what, "realtime") == 0) for (long i = 0; i < count; i++) failed |= clock_gettime(CLOCK_REALTIME, &time);
  else if (strcmp(what, "write") == 0) for (long i = 0; i < count; i++) failed |= write(fd, buffer, length) < 0;
  else if (strcmp(what, "read") == 0) for (long i = 0; i < count; i++) failed |= read(fd, buffer, length) < 0;
  else if (strcmp(what, "spawn") == 0) for (long i = 0; i < count; i++) failed |= spawn(path);
  else if (strcmp(what, "switch") == 0) failed = switches(count);
  else failed = 1;
  double each = (now() - start) / count;
  if (fd > 0) close(fd);
  return failed ? -1 : each;
}

int main(void) {
  static char line[8192];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    const char *what = strtok(line, "\t"), *count = strtok(NULL, "\t"), *path = strtok(NULL, "\t"), *length = strtok(NULL, "\t");
    double each = count == NULL ? -1 : measure(what, atol(count), path, length == NULL ? 0 : (size_t)atol(length));
    if (each < 0) printf("failed: %s\n", what);
    else printf("%.3f\n", each);
    fflush(stdout);
  }
  return 0;
}
