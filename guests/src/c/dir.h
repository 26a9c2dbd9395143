// The directory a program is to work in: the preopen of that name, or fd 3 without one.
#pragma once

#include "text.h"

static fd_t find_preopen(const char *name) {
  if (!name) return 3;
  static char found[256];
  for (fd_t fd = 3;; fd++) {
    struct {
      uint8_t tag;
      size_t length;
    } prestat;
    if (wasi_fd_prestat_get(fd, &prestat) != 0) break;
    if (prestat.length >= sizeof found || wasi_fd_prestat_dir_name(fd, found, prestat.length) != 0) continue;
    found[prestat.length] = 0;
    if (text_equal(found, name)) return fd;
  }
  put(name);
  put(": not a preopened directory");
  end_line(2);
  wasi_proc_exit(2);
  __builtin_unreachable();
}
