// Performs path calls as it is told, so that a test can try any path, flag and right: one line of result for each call.
//
//   paths OP ARGS... [-- OP ARGS...]...
//
//   open PATH FLAGS [BASE [INHERITING]]   fd N       FLAGS: r w (rights), a append, c creat, d directory, x excl, t trunc, f follow, n nonblock, - none;
//                                                    BASE and INHERITING are hexadecimal and replace what the flags say
//   stat PATH | lstat PATH                stat TYPE SIZE NLINK       (lstat does not follow)
//   mkdir PATH | rmdir PATH | unlink PATH | readlink PATH            ok, or `link TARGET`
//   rename PATH PATH2 | link PATH PATH2 | linkf PATH PATH2           (linkf follows)
//   symlink TARGET PATH
//   utimes PATH SECONDS | lutimes PATH SECONDS
//   read PATH | write PATH TEXT | list PATH                          `data ...`, ok, `entries ...` (all three follow)
//   readfd FD | writefd FD TEXT | sizefd FD BYTES | closefd FD | fdstat FD | rights FD BASE INHERITING
//
// A failed call prints `errno NAME`. PATH starts at fd 3, or at fd N when it begins with `@N:`; %XX stands for a byte.
// The exit code is 0 whatever the calls gave, and 2 where the command line is wrong.
#include "text.h"

typedef struct {
  fd_t fd;
  char bytes[8192];
  size_t length;
} path_t;

static char data[4096];

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static uint64_t parse_hex(const char *text) {
  uint64_t value = 0;
  while (hex_digit(*text) >= 0) value = value * 16 + (uint64_t)hex_digit(*text++);
  return value;
}

static void parse_path(const char *text, path_t *path) {
  path->fd = 3;
  path->length = 0;
  if (text[0] == '@' && text[1] >= '0' && text[1] <= '9') {
    const char *colon = text + 1;
    while (*colon >= '0' && *colon <= '9') colon++;
    if (*colon == ':') {
      path->fd = (fd_t)parse_number(text + 1);
      text = colon + 1;
    }
  }
  while (*text && path->length < sizeof path->bytes) {
    if (text[0] == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
      path->bytes[path->length++] = (char)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
      text += 3;
    } else {
      path->bytes[path->length++] = *text++;
    }
  }
}

static void usage(const char *what) {
  put("paths: ");
  put(what);
  put(": no such operation, or too few arguments: see guests/src/c/paths.c");
  end_line(2);
  wasi_proc_exit(2);
}

static void say(errno_t error) {
  if (error) {
    put("errno ");
    put_errno(error);
  } else {
    put("ok");
  }
  end_line(1);
}

static void say_stat(errno_t error, const filestat_t *stat) {
  if (error) {
    say(error);
    return;
  }
  put("stat ");
  put_number(stat->filetype);
  put(" ");
  put_number(stat->size);
  put(" ");
  put_number(stat->nlink);
  end_line(1);
}

static void put_hex(uint64_t value) {
  char digits[17];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do digits[--at] = "0123456789abcdef"[value & 15];
  while ((value >>= 4) > 0);
  put(digits + at);
}

static void say_bytes(const char *label, const char *bytes, size_t length) {
  put_bytes(1, label, text_length(label));
  put_bytes(1, bytes, length);
  put_bytes(1, "\n", 1);
}

static int has(const char *flags, char flag) {
  for (; *flags; flags++) {
    if (*flags == flag) return 1;
  }
  return 0;
}

static errno_t open_path(const path_t *path, uint32_t lookup, uint32_t oflags, uint64_t base, uint64_t inheriting, uint32_t fdflags, fd_t *fd) {
  return wasi_path_open(path->fd, lookup, path->bytes, path->length, oflags, base, inheriting, fdflags, fd);
}

static void op_open(char **arg, int count) {
  static path_t path;
  const char *flags = arg[1];
  parse_path(arg[0], &path);
  uint32_t oflags = (has(flags, 'c') ? OFLAG_CREAT : 0u) | (has(flags, 'd') ? OFLAG_DIRECTORY : 0u) |
                    (has(flags, 'x') ? OFLAG_EXCL : 0u) | (has(flags, 't') ? OFLAG_TRUNC : 0u);
  uint32_t fdflags = (has(flags, 'a') ? FDFLAG_APPEND : 0u) | (has(flags, 'n') ? FDFLAG_NONBLOCK : 0u);
  // A directory gets all that the one it is opened from has, so that paths may start there.
  fdstat_t parent = {0};
  (void)wasi_fd_fdstat_get(path.fd, &parent);
  uint64_t base = (has(flags, 'r') ? RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET : 0) |
                  (has(flags, 'w') ? RIGHT_FD_WRITE | RIGHT_FD_SEEK | RIGHT_FD_TELL : 0);
  uint64_t inheriting = 0;
  if (has(flags, 'd')) {
    base = parent.base;
    inheriting = parent.inheriting;
  }
  if (count > 2) base = parse_hex(arg[2]);
  if (count > 3) inheriting = parse_hex(arg[3]);
  fd_t fd;
  errno_t error = open_path(&path, has(flags, 'f') ? LOOKUP_FOLLOW : 0, oflags, base, inheriting, fdflags, &fd);
  if (error) {
    say(error);
    return;
  }
  put("fd ");
  put_number(fd);
  end_line(1);
}

static void read_fd(fd_t fd) {
  iovec_t iov = {data, sizeof data};
  size_t n;
  errno_t error = wasi_fd_read(fd, &iov, 1, &n);
  if (error) say(error);
  else say_bytes("data ", data, n);
}

static errno_t write_fd(fd_t fd, const char *text) {
  iovec_t iov = {text, text_length(text)};
  size_t n;
  return wasi_fd_write(fd, &iov, 1, &n);
}

static void list_fd(fd_t fd) {
  static char names[65536];
  size_t used = 0, length = 0;
  uint64_t cookie = 0;
  for (;;) {
    errno_t error = wasi_fd_readdir(fd, data, sizeof data, cookie, &used);
    if (error) {
      say(error);
      return;
    }
    size_t at = 0;
    while (at + sizeof(dirent_t) <= used) {
      dirent_t entry;
      __builtin_memcpy(&entry, data + at, sizeof entry);
      if (at + sizeof entry + entry.namlen > used || length + entry.namlen + 1 > sizeof names) break;
      names[length++] = ' ';
      __builtin_memcpy(names + length, data + at + sizeof entry, entry.namlen);
      length += entry.namlen;
      at += sizeof entry + entry.namlen;
      cookie = entry.next;
    }
    if (used < sizeof data || at == 0) break;
  }
  say_bytes("entries", names, length);
}

static void with_opened(const char *op, char **arg) {
  static path_t path;
  fd_t fd;
  errno_t error;
  parse_path(arg[0], &path);
  if (op[0] == 'r') error = open_path(&path, LOOKUP_FOLLOW, 0, RIGHT_FD_READ, 0, 0, &fd);
  else if (op[0] == 'w') error = open_path(&path, LOOKUP_FOLLOW, OFLAG_CREAT | OFLAG_TRUNC, RIGHT_FD_WRITE, 0, 0, &fd);
  else error = open_path(&path, LOOKUP_FOLLOW, OFLAG_DIRECTORY, RIGHT_FD_READDIR, 0, 0, &fd);
  if (error) {
    say(error);
    return;
  }
  if (op[0] == 'r') read_fd(fd);
  else if (op[0] == 'w') say(write_fd(fd, arg[1]));
  else list_fd(fd);
  (void)wasi_fd_close(fd);
}

static void op_fd(const char *op, char **arg) {
  fd_t fd = (fd_t)parse_number(arg[0]);
  if (text_equal(op, "readfd")) read_fd(fd);
  else if (text_equal(op, "writefd")) say(write_fd(fd, arg[1]));
  else if (text_equal(op, "sizefd")) say(wasi_fd_filestat_set_size(fd, parse_number(arg[1])));
  else if (text_equal(op, "closefd")) say(wasi_fd_close(fd));
  else if (text_equal(op, "rights")) say(wasi_fd_fdstat_set_rights(fd, parse_hex(arg[1]), parse_hex(arg[2])));
  else {
    fdstat_t stat;
    errno_t error = wasi_fd_fdstat_get(fd, &stat);
    if (error) {
      say(error);
      return;
    }
    put("fdstat ");
    put_number(stat.filetype);
    put(" ");
    put_hex(stat.flags);
    put(" ");
    put_hex(stat.base);
    put(" ");
    put_hex(stat.inheriting);
    end_line(1);
  }
}

static void op_path(const char *op, char **arg) {
  static path_t a, b;
  filestat_t stat;
  parse_path(arg[0], &a);
  if (text_equal(op, "stat") || text_equal(op, "lstat")) {
    say_stat(wasi_path_filestat_get(a.fd, op[0] == 's' ? LOOKUP_FOLLOW : 0, a.bytes, a.length, &stat), &stat);
  } else if (text_equal(op, "mkdir")) {
    say(wasi_path_create_directory(a.fd, a.bytes, a.length));
  } else if (text_equal(op, "rmdir")) {
    say(wasi_path_remove_directory(a.fd, a.bytes, a.length));
  } else if (text_equal(op, "unlink")) {
    say(wasi_path_unlink_file(a.fd, a.bytes, a.length));
  } else if (text_equal(op, "readlink")) {
    size_t used;
    errno_t error = wasi_path_readlink(a.fd, a.bytes, a.length, data, sizeof data, &used);
    if (error) say(error);
    else say_bytes("link ", data, used);
  } else if (text_equal(op, "utimes") || text_equal(op, "lutimes")) {
    uint64_t time = parse_number(arg[1]) * 1000000000;
    say(wasi_path_filestat_set_times(a.fd, op[0] == 'u' ? LOOKUP_FOLLOW : 0, a.bytes, a.length, time, time, FST_ATIM | FST_MTIM));
  } else {
    parse_path(arg[1], &b);
    if (text_equal(op, "rename")) say(wasi_path_rename(a.fd, a.bytes, a.length, b.fd, b.bytes, b.length));
    else if (text_equal(op, "symlink")) say(wasi_path_symlink(a.bytes, a.length, b.fd, b.bytes, b.length));
    else say(wasi_path_link(a.fd, text_equal(op, "linkf") ? LOOKUP_FOLLOW : 0, a.bytes, a.length, b.fd, b.bytes, b.length));
  }
}

static const struct {
  const char *name;
  int least;
  char group;
} operations[] = {
    {"open", 2, 'o'},    {"stat", 1, 'p'},    {"lstat", 1, 'p'},   {"mkdir", 1, 'p'},   {"rmdir", 1, 'p'},  {"unlink", 1, 'p'},
    {"readlink", 1, 'p'}, {"rename", 2, 'p'},  {"link", 2, 'p'},    {"linkf", 2, 'p'},   {"symlink", 2, 'p'}, {"utimes", 2, 'p'},
    {"lutimes", 2, 'p'}, {"read", 1, 'c'},    {"write", 2, 'c'},   {"list", 1, 'c'},    {"readfd", 1, 'f'}, {"writefd", 2, 'f'},
    {"sizefd", 2, 'f'},  {"closefd", 1, 'f'}, {"fdstat", 1, 'f'},  {"rights", 3, 'f'},
};

static void perform(const char *op, char **arg, int count) {
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (!text_equal(op, operations[i].name)) continue;
    if (count < operations[i].least) break;
    if (operations[i].group == 'o') op_open(arg, count);
    else if (operations[i].group == 'c') with_opened(op, arg);
    else if (operations[i].group == 'f') op_fd(op, arg);
    else op_path(op, arg);
    return;
  }
  usage(op);
}

int main(int argc, char **argv) {
  if (argc < 2) usage("nothing to do");
  for (int from = 1, at = 1; at <= argc; at++) {
    if (at < argc && !text_equal(argv[at], "--")) continue;
    if (at > from) perform(argv[from], argv + from + 1, at - from - 1);
    from = at + 1;
  }
  return 0;
}
