// A store of names and values, for policies: lines from standard input, an answer each. `set NAME VALUE`, `get NAME`,
// `backup` (starts a program), `now` (reads the clock), `grow PAGES` (takes memory), `open PATH` (reads a file beneath fd 3).
#include "text.h"

#define NAMES 64
#define LENGTH 128

static struct {
  char name[LENGTH], value[LENGTH];
} store[NAMES];
static int stored;

__attribute__((import_module("host_process"), import_name("proc_spawn"))) errno_t spawn(
    const char *argv, size_t argv_length, const char *envp, size_t envp_length, fd_t in, fd_t out, fd_t err, const char *cwd,
    size_t cwd_length, uint32_t *pid);

static void copy(char *to, const char *from) {
  size_t at = 0;
  for (; at < LENGTH - 1 && from[at]; at++) to[at] = from[at];
  to[at] = 0;
}

static int find(const char *name) {
  for (int i = 0; i < stored; i++)
    if (text_equal(store[i].name, name)) return i;
  return -1;
}

static void answer(const char *what, errno_t error) {
  put(what);
  put(": ");
  put_errno(error);
  end_line(1);
}

// The next word of a line, ended by a NUL; what is left of the line goes to `line`.
static char *word(char **line) {
  char *at = *line;
  while (*at == ' ') at++;
  char *start = at;
  while (*at && *at != ' ') at++;
  if (*at) *at++ = 0;
  *line = at;
  return start;
}

static void obey(char *line) {
  char *command = word(&line);
  if (text_equal(command, "set")) {
    const char *name = word(&line);
    int at = find(name);
    if (at < 0 && stored < NAMES) copy(store[at = stored++].name, name);
    if (at >= 0) copy(store[at].value, line);
    put(at < 0 ? "full" : "ok");
    end_line(1);
  } else if (text_equal(command, "get")) {
    int at = find(word(&line));
    put(at < 0 ? "none" : store[at].value);
    end_line(1);
  } else if (text_equal(command, "backup")) {
    uint32_t pid = 0;
    answer(command, spawn("backup", 6, "", 0, 0, 1, 2, "", 0, &pid));
  } else if (text_equal(command, "now")) {
    uint64_t now = 0;
    answer(command, wasi_clock_time_get(1, 0, &now));
  } else if (text_equal(command, "grow")) {
    put(__builtin_wasm_memory_grow(0, (size_t)parse_number(word(&line))) == (size_t)-1 ? "grow: refused" : "grow: SUCCESS");
    end_line(1);
  } else if (text_equal(command, "open")) {
    const char *path = word(&line);
    fd_t fd = 0;
    answer(command, wasi_path_open(3, 1, path, text_length(path), 0, 1 << 1, 0, 0, &fd));
  } else {
    put("what?");
    end_line(1);
  }
}

int main(void) {
  static char line[2 * LENGTH];
  size_t used = 0;
  for (;;) {
    char byte = 0;
    iovec_t iov = {&byte, 1};
    size_t got = 0;
    errno_t error = wasi_fd_read(0, &iov, 1, &got);
    if (error || got == 0) return (int)error;
    if (byte == '\n') {
      line[used] = 0;
      obey(line);
      used = 0;
    } else if (used < sizeof line - 1) line[used++] = byte;
  }
}
