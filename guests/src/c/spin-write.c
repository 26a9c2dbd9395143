// Writes argv[1] bytes (one without it) to its standard output for ever, whatever comes back.
#include "text.h"

int main(int argc, char **argv) {
  static char buffer[65536];
  for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = 'x';
  uint64_t length = argc > 1 ? parse_number(argv[1]) : 1;
  if (length > sizeof buffer) length = sizeof buffer;
  iovec_t iov = {buffer, (size_t)length};
  for (;;) {
    size_t written;
    (void)wasi_fd_write(1, &iov, 1, &written);
  }
}
