// Blocks on its standard input and says what it got with a prefix, until the end of input.
#include "text.h"

int main(void) {
  static char buffer[4096];
  for (;;) {
    iovec_t iov = {buffer, sizeof buffer};
    size_t got = 0;
    errno_t error = wasi_fd_read(0, &iov, 1, &got);
    if (error) {
      put("reader: ");
      put_errno(error);
      end_line(2);
      return 1;
    }
    if (got == 0) break;
    put_bytes(1, "read: ", 6);
    put_bytes(1, buffer, got);
  }
  put_bytes(1, "end\n", 4);
  return 0;
}
