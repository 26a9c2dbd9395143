// Ends itself: `exit CODE` by proc_exit, `raise SIGNAL` by proc_raise (the number of preview1's signal), `return`, `trap`, `abort`.
// A proc_raise that returns is told: the signal was one whose default is to be ignored, or the host cannot raise it.
#include <stdlib.h>

#include "text.h"

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "return";
  uint32_t number = argc > 2 ? (uint32_t)parse_number(argv[2]) : 0;
  if (text_equal(how, "exit")) {
    wasi_proc_exit(number);
    put("proc: proc_exit returned");
    end_line(2);
    return 1;
  }
  if (text_equal(how, "raise")) {
    errno_t error = wasi_proc_raise(number);
    put("raise ");
    put_number(number);
    put(": ");
    put_errno(error);
    end_line(1);
    return 0;
  }
  if (text_equal(how, "trap")) __builtin_trap();
  if (text_equal(how, "abort")) abort();
  return 0;
}
