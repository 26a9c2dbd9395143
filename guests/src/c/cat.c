// Copies the files it is given, or its standard input, to its standard output.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[64 * 1024];

static int copy(int from, const char *name) {
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0) {
      dprintf(STDERR_FILENO, "cat: %s: %s\n", name, strerror(errno));
      return 1;
    }
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(STDOUT_FILENO, buffer + done, (size_t)(got - done));
      if (put < 0) {
        dprintf(STDERR_FILENO, "cat: stdout: %s\n", strerror(errno));
        return 1;
      }
      done += put;
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return copy(STDIN_FILENO, "stdin");
  int status = 0;
  for (int i = 1; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    if (fd < 0) {
      dprintf(STDERR_FILENO, "cat: %s: %s\n", argv[i], strerror(errno));
      status = 1;
      continue;
    }
    status |= copy(fd, argv[i]);
    close(fd);
  }
  return status;
}
