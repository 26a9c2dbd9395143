// Checks of a program that tests its host. A failed one is told on stderr and the rest still run;
// `return finish()` makes the exit code. Define PROGRAM before including this.
#pragma once

#include "text.h"

static int failures;

static void failed(int line, const char *what) {
  // Past that, one cause has been told often enough.
  if (++failures > 50) wasi_proc_exit(1);
  put(PROGRAM ": ");
  put_number((uint64_t)line);
  put(": ");
  put(what);
  put(": expected ");
}

static void check_number(int line, const char *what, uint64_t got, uint64_t expected) {
  if (got == expected) return;
  failed(line, what);
  put_number(expected);
  put(", got ");
  put_number(got);
  end_line(2);
}

static void check_errno(int line, const char *what, errno_t got, errno_t expected) {
  if (got == expected) return;
  failed(line, what);
  put_errno(expected);
  put(", got ");
  put_errno(got);
  end_line(2);
}

// For what POSIX leaves open.
static void check_either(int line, const char *what, errno_t got, errno_t expected, errno_t other) {
  if (got == other) return;
  check_errno(line, what, got, expected);
}

static void check_true(int line, const char *what, int got) {
  if (got) return;
  failed(line, what);
  put("true, got false");
  end_line(2);
}

#define EQUAL(got, expected) check_number(__LINE__, #got, (uint64_t)(got), (uint64_t)(expected))
#define OK(call) check_errno(__LINE__, #call, call, W_SUCCESS)
#define FAILS(call, expected) check_errno(__LINE__, #call, call, W_##expected)
#define FAILS_EITHER(call, expected, other) check_either(__LINE__, #call, call, W_##expected, W_##other)
#define TRUE(condition) check_true(__LINE__, #condition, condition)

static int finish(void) {
  return failures ? 1 : 0;
}
