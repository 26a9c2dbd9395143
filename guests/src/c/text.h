// Prints through raw fd_write, without libc: for programs that must stay small or whose heap is not to be trusted.
#pragma once

#include "preview1.h"

static size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

static int text_equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static void put_bytes(fd_t fd, const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    iovec_t iov = {at, length};
    size_t written = 0;
    if (wasi_fd_write(fd, &iov, 1, &written) != 0 || written == 0) return;
    at += written;
    length -= written;
  }
}

// One line is gathered and written at once, so that lines of several programs do not mix.
static char line_buffer[1024];
static size_t line_used;

static void put(const char *text) {
  while (*text && line_used < sizeof line_buffer - 1) line_buffer[line_used++] = *text++;
}

static void put_number(uint64_t value) {
  char digits[21];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do digits[--at] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  put(digits + at);
}

static const char *errno_name(errno_t value) {
#define ERRNO_TEXT(name) #name,
  static const char *const names[] = {ERRNOS(ERRNO_TEXT)};
  return value < W_COUNT ? names[value] : "unknown";
}

static void put_errno(errno_t value) {
  put(errno_name(value));
  if (value >= W_COUNT) put(" "), put_number(value);
}

static void end_line(fd_t fd) {
  line_buffer[line_used++] = '\n';
  put_bytes(fd, line_buffer, line_used);
  line_used = 0;
}

// Stops at the first character that is no digit.
static uint64_t parse_number(const char *text) {
  uint64_t value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (uint64_t)(*text++ - '0');
  return value;
}
