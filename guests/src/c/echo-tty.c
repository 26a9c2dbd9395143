// Says for each standard stream whether it is a terminal, as isatty() finds out: a character device that cannot seek.
#include "text.h"

int main(void) {
  for (fd_t fd = 0; fd < 3; fd++) {
    fdstat_t stat;
    errno_t error = wasi_fd_fdstat_get(fd, &stat);
    put_number(fd);
    put(": ");
    if (error) put_errno(error);
    else if (stat.filetype == FILETYPE_CHARACTER && !(stat.base & (RIGHT_FD_SEEK | RIGHT_FD_TELL))) put("tty");
    else put("not a tty, filetype "), put_number(stat.filetype);
    end_line(1);
  }
  return 0;
}
