// Calls fd_fdstat_get for ever: a loop that never blocks but is always entering the kernel.
#include "preview1.h"

int main(void) {
  fdstat_t stat;
  for (;;) (void)wasi_fd_fdstat_get(0, &stat);
}
