// Every file-system call of preview1, raw, in a directory of its own below the preopened one named argv[1] (fd 3 without it).
// It leaves nothing behind where all checks hold.
#define PROGRAM "fs"
#include "check.h"
#include "dir.h"

#define PATH(text) text, sizeof(text) - 1

static fd_t dir;
static fdstat_t dir_stat;

static errno_t open_at(fd_t at, const char *path, uint32_t oflags, uint64_t rights, uint32_t fdflags, fd_t *fd) {
  *fd = 0xfffffff0;
  return wasi_path_open(at, 0, path, text_length(path), oflags, rights, 0, fdflags, fd);
}

static fd_t create(const char *path, const char *content) {
  fd_t fd;
  size_t n = 0;
  iovec_t iov = {content, text_length(content)};
  OK(open_at(dir, path, OFLAG_CREAT | OFLAG_TRUNC, RIGHTS_FILE, 0, &fd));
  OK(wasi_fd_write(fd, &iov, 1, &n));
  EQUAL(n, iov.len);
  return fd;
}

static errno_t write_text(fd_t fd, const char *text, size_t *n) {
  iovec_t iov = {text, text_length(text)};
  return wasi_fd_write(fd, &iov, 1, n);
}

static int content_is(fd_t fd, const char *expected) {
  char buffer[256];
  size_t n = 0;
  iovec_t iov = {buffer, sizeof buffer - 1};
  if (wasi_fd_pread(fd, &iov, 1, 0, &n) != 0) return 0;
  buffer[n] = 0;
  return text_equal(buffer, expected);
}

static uint64_t size_of(fd_t fd) {
  filestat_t stat = {0};
  OK(wasi_fd_filestat_get(fd, &stat));
  return stat.size;
}

static errno_t unlink_at(fd_t at, const char *path) {
  return wasi_path_unlink_file(at, path, text_length(path));
}

static errno_t stat_at(fd_t at, uint32_t lookup, const char *path, filestat_t *stat) {
  return wasi_path_filestat_get(at, lookup, path, text_length(path), stat);
}

static void test_open_flags(void) {
  fd_t fd, other;
  FAILS(open_at(dir, "new", 0, RIGHT_FD_READ, 0, &fd), ENOENT);
  OK(open_at(dir, "new", OFLAG_CREAT | OFLAG_EXCL, RIGHTS_FILE, 0, &fd));
  TRUE(fd > 2 && fd != dir);
  FAILS(open_at(dir, "new", OFLAG_CREAT | OFLAG_EXCL, RIGHTS_FILE, 0, &other), EEXIST);
  FAILS(open_at(dir, "new", OFLAG_DIRECTORY, RIGHT_FD_READ, 0, &other), ENOTDIR);
  FAILS(open_at(dir, "new/below", OFLAG_CREAT, RIGHTS_FILE, 0, &other), ENOTDIR);
  FAILS_EITHER(open_at(fd, "below", OFLAG_CREAT, RIGHTS_FILE, 0, &other), ENOTDIR, ENOTCAPABLE);
  FAILS(open_at(dir, "no/file", OFLAG_CREAT, RIGHTS_FILE, 0, &other), ENOENT);
  FAILS_EITHER(open_at(dir, "", 0, RIGHT_FD_READ, 0, &other), ENOENT, EINVAL);
  FAILS(open_at(1000, "new", 0, RIGHT_FD_READ, 0, &other), EBADF);
  FAILS_EITHER(open_at(dir, "../../above", OFLAG_CREAT, RIGHTS_FILE, 0, &other), ENOTCAPABLE, EPERM);
  FAILS_EITHER(open_at(dir, "/absolute", OFLAG_CREAT, RIGHTS_FILE, 0, &other), ENOTCAPABLE, EPERM);
  FAILS_EITHER(wasi_path_open(dir, 0, PATH("nul\0byte"), 0, RIGHT_FD_READ, 0, 0, &other), EINVAL, EILSEQ);

  size_t n;
  OK(write_text(fd, "12345", &n));
  EQUAL(n, 5);
  OK(open_at(dir, "new", OFLAG_TRUNC, RIGHTS_FILE, 0, &other));
  EQUAL(size_of(fd), 0);
  OK(wasi_fd_close(other));
  OK(wasi_fd_close(fd));
  FAILS(wasi_fd_close(fd), EBADF);
  FAILS(write_text(fd, "x", &n), EBADF);

  OK(open_at(dir, "new", 0, RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_FILESTAT_GET, 0, &fd));
  FAILS_EITHER(write_text(fd, "x", &n), ENOTCAPABLE, EBADF);
  EQUAL(size_of(fd), 0);
  OK(wasi_fd_close(fd));
  OK(open_at(dir, "new", 0, RIGHT_FD_WRITE, 0, &fd));
  char byte;
  iovec_t iov = {&byte, 1};
  FAILS_EITHER(wasi_fd_read(fd, &iov, 1, &n), ENOTCAPABLE, EBADF);
  OK(wasi_fd_close(fd));

  // A directory opens for reading only.
  FAILS(open_at(dir, ".", 0, RIGHT_FD_READ | RIGHT_FD_WRITE, 0, &fd), EISDIR);
  OK(open_at(dir, ".", OFLAG_DIRECTORY, RIGHT_FD_READDIR, 0, &fd));
  OK(wasi_fd_close(fd));
  OK(unlink_at(dir, "new"));
}

static void test_read_write(void) {
  char a[4], b[8];
  size_t n;
  uint64_t position;
  fd_t fd = create("data", "0123456789");
  OK(wasi_fd_tell(fd, &position));
  EQUAL(position, 10);
  OK(wasi_fd_seek(fd, 2, WHENCE_SET, &position));
  EQUAL(position, 2);
  iovec_t two[2] = {{a, sizeof a}, {b, sizeof b}};
  OK(wasi_fd_read(fd, two, 2, &n));
  EQUAL(n, 8);
  EQUAL(a[0], '2');
  EQUAL(b[3], '9');
  OK(wasi_fd_read(fd, two, 2, &n));
  EQUAL(n, 0);
  OK(wasi_fd_read(fd, two, 0, &n));
  EQUAL(n, 0);
  OK(wasi_fd_seek(fd, -3, WHENCE_END, &position));
  EQUAL(position, 7);
  OK(wasi_fd_seek(fd, 1, WHENCE_CUR, &position));
  EQUAL(position, 8);
  FAILS(wasi_fd_seek(fd, -9, WHENCE_CUR, &position), EINVAL);
  FAILS(wasi_fd_seek(fd, INT64_MIN, WHENCE_SET, &position), EINVAL);
  FAILS(wasi_fd_seek(fd, 0, 3, &position), EINVAL);
  OK(wasi_fd_tell(fd, &position));
  EQUAL(position, 8);

  // pread and pwrite leave the position where it is.
  OK(wasi_fd_pread(fd, two, 1, 4, &n));
  EQUAL(n, 4);
  EQUAL(a[0], '4');
  OK(wasi_fd_pread(fd, two, 2, 1000, &n));
  EQUAL(n, 0);
  iovec_t pieces[3] = {{"AB", 2}, {"", 0}, {"C", 1}};
  OK(wasi_fd_pwrite(fd, pieces, 3, 1, &n));
  EQUAL(n, 3);
  OK(wasi_fd_tell(fd, &position));
  EQUAL(position, 8);
  TRUE(content_is(fd, "0ABC456789"));
  OK(wasi_fd_write(fd, pieces, 3, &n));
  EQUAL(n, 3);
  TRUE(content_is(fd, "0ABC4567ABC"));

  // A write behind the end leaves a hole of zeros.
  OK(wasi_fd_seek(fd, 20, WHENCE_SET, &position));
  OK(write_text(fd, "z", &n));
  EQUAL(size_of(fd), 21);
  a[0] = 1;
  OK(wasi_fd_pread(fd, two, 1, 15, &n));
  EQUAL(a[0], 0);

  FAILS(wasi_fd_write(fd, (void *)0xfffffff8, 1, &n), EFAULT);
  iovec_t bad = {(void *)0xffffff00, 512};
  FAILS(wasi_fd_write(fd, &bad, 1, &n), EFAULT);
  FAILS(wasi_fd_pwrite(fd, &bad, 1, 0, &n), EFAULT);
  FAILS(wasi_fd_read(fd, &bad, 1, &n), EFAULT);
  FAILS(wasi_fd_pread(fd, &bad, 1, 0, &n), EFAULT);
  FAILS(wasi_fd_filestat_get(fd, (void *)0xffffffc0), EFAULT);
  FAILS(wasi_fd_tell(fd, (void *)0xffffffff), EFAULT);
  EQUAL(size_of(fd), 21);

  FAILS(wasi_fd_write(1000, pieces, 3, &n), EBADF);
  FAILS(wasi_fd_pwrite(1000, pieces, 3, 0, &n), EBADF);
  FAILS(wasi_fd_read(1000, two, 1, &n), EBADF);
  FAILS(wasi_fd_pread(1000, two, 1, 0, &n), EBADF);
  FAILS(wasi_fd_seek(1000, 0, WHENCE_CUR, &position), EBADF);
  FAILS(wasi_fd_tell(1000, &position), EBADF);
  OK(wasi_fd_close(fd));
  OK(unlink_at(dir, "data"));
}

static void test_append(void) {
  size_t n;
  uint64_t position;
  fd_t other = create("log", "first ");
  fd_t fd;
  OK(open_at(dir, "log", 0, RIGHTS_FILE, FDFLAG_APPEND, &fd));
  fdstat_t stat;
  OK(wasi_fd_fdstat_get(fd, &stat));
  EQUAL(stat.flags & FDFLAG_APPEND, FDFLAG_APPEND);
  OK(write_text(other, "second ", &n));
  OK(wasi_fd_seek(fd, 0, WHENCE_SET, &position));
  OK(write_text(fd, "third ", &n));
  TRUE(content_is(fd, "first second third "));

  // The flag can be taken off, and put back.
  OK(wasi_fd_fdstat_set_flags(fd, 0));
  OK(wasi_fd_fdstat_get(fd, &stat));
  EQUAL(stat.flags & FDFLAG_APPEND, 0);
  OK(wasi_fd_seek(fd, 0, WHENCE_SET, &position));
  OK(write_text(fd, "FIRST", &n));
  TRUE(content_is(fd, "FIRST second third "));
  OK(wasi_fd_fdstat_set_flags(fd, FDFLAG_APPEND));
  OK(write_text(fd, "end", &n));
  TRUE(content_is(fd, "FIRST second third end"));
  FAILS(wasi_fd_fdstat_set_flags(1000, 0), EBADF);
  FAILS(wasi_fd_fdstat_get(1000, &stat), EBADF);
  OK(wasi_fd_close(fd));
  OK(wasi_fd_close(other));
  OK(unlink_at(dir, "log"));
}

static void test_sizes(void) {
  fd_t fd = create("sized", "0123456789");
  OK(wasi_fd_filestat_set_size(fd, 4));
  TRUE(content_is(fd, "0123"));
  OK(wasi_fd_filestat_set_size(fd, 100));
  EQUAL(size_of(fd), 100);
  TRUE(content_is(fd, "0123"));
  OK(wasi_fd_allocate(fd, 0, 50));
  EQUAL(size_of(fd), 100);
  OK(wasi_fd_allocate(fd, 90, 110));
  EQUAL(size_of(fd), 200);
  FAILS_EITHER(wasi_fd_allocate(fd, 0, 0), EINVAL, SUCCESS);
  OK(wasi_fd_advise(fd, 0, 0, 0));
  for (uint32_t advice = 0; advice < 6; advice++) OK(wasi_fd_advise(fd, 10, 20, advice));
  FAILS(wasi_fd_advise(fd, 0, 0, 6), EINVAL);
  OK(wasi_fd_sync(fd));
  OK(wasi_fd_datasync(fd));
  FAILS(wasi_fd_filestat_set_size(1000, 0), EBADF);
  FAILS(wasi_fd_allocate(1000, 0, 1), EBADF);
  FAILS(wasi_fd_advise(1000, 0, 1, 0), EBADF);
  FAILS(wasi_fd_sync(1000), EBADF);
  FAILS(wasi_fd_datasync(1000), EBADF);
  OK(wasi_fd_close(fd));
  OK(unlink_at(dir, "sized"));
}

static void test_stat_times(void) {
  const uint64_t early = UINT64_C(1000000000000000000), late = UINT64_C(1500000000000000000);
  filestat_t a = {0}, b = {0};
  fd_t fd = create("timed", "abc");
  OK(wasi_fd_filestat_get(fd, &a));
  OK(stat_at(dir, 0, "timed", &b));
  EQUAL(a.filetype, FILETYPE_REGULAR);
  EQUAL(a.size, 3);
  EQUAL(a.nlink, 1);
  EQUAL(a.ino, b.ino);
  EQUAL(a.dev, b.dev);
  TRUE(a.mtim > late);
  OK(wasi_fd_filestat_set_times(fd, early, late, FST_ATIM | FST_MTIM));
  OK(stat_at(dir, 0, "timed", &b));
  EQUAL(b.atim, early);
  EQUAL(b.mtim, late);
  OK(wasi_path_filestat_set_times(dir, 0, PATH("timed"), late, early, FST_MTIM));
  OK(wasi_fd_filestat_get(fd, &b));
  EQUAL(b.atim, early);
  EQUAL(b.mtim, early);
  OK(wasi_fd_filestat_set_times(fd, 0, 0, FST_MTIM_NOW));
  OK(wasi_fd_filestat_get(fd, &b));
  TRUE(b.mtim > late);
  EQUAL(b.atim, early);
  OK(wasi_path_filestat_set_times(dir, 0, PATH("timed"), 0, 0, FST_ATIM_NOW));
  OK(wasi_fd_filestat_get(fd, &b));
  TRUE(b.atim > late);
  FAILS(wasi_fd_filestat_set_times(fd, 0, 0, FST_ATIM | FST_ATIM_NOW), EINVAL);
  FAILS(wasi_path_filestat_set_times(dir, 0, PATH("timed"), 0, 0, FST_MTIM | FST_MTIM_NOW), EINVAL);
  FAILS(wasi_path_filestat_set_times(dir, 0, PATH("missing"), 0, 0, FST_MTIM), ENOENT);
  FAILS(wasi_fd_filestat_set_times(1000, 0, 0, FST_MTIM), EBADF);
  FAILS(wasi_fd_filestat_get(1000, &a), EBADF);
  FAILS(stat_at(dir, 0, "missing", &a), ENOENT);
  FAILS_EITHER(stat_at(fd, 0, "timed", &a), ENOTDIR, ENOTCAPABLE);
  FAILS(wasi_path_filestat_get(dir, 0, (void *)0xfffffff0, 5, &a), EFAULT);
  FAILS(wasi_path_filestat_get(dir, 0, "timed", 5, (void *)0xfffffff0), EFAULT);
  OK(wasi_fd_filestat_get(dir, &a));
  EQUAL(a.filetype, FILETYPE_DIRECTORY);
  OK(wasi_fd_close(fd));
  OK(unlink_at(dir, "timed"));
}

static void test_directories(void) {
  filestat_t stat;
  OK(wasi_path_create_directory(dir, PATH("d")));
  FAILS(wasi_path_create_directory(dir, PATH("d")), EEXIST);
  OK(wasi_path_create_directory(dir, PATH("d/e")));
  FAILS(wasi_path_create_directory(dir, PATH("x/y")), ENOENT);
  FAILS_EITHER(wasi_path_create_directory(dir, PATH("d/../../../x")), ENOTCAPABLE, EPERM);
  OK(stat_at(dir, 0, "d/../d/./e", &stat));
  EQUAL(stat.filetype, FILETYPE_DIRECTORY);
  FAILS(wasi_path_remove_directory(dir, PATH("d")), ENOTEMPTY);
  FAILS_EITHER(unlink_at(dir, "d"), EISDIR, EPERM);
  fd_t fd = create("d/file", "x");
  OK(wasi_fd_close(fd));
  FAILS(wasi_path_remove_directory(dir, PATH("d/file")), ENOTDIR);
  FAILS(wasi_path_create_directory(dir, PATH("d/file")), EEXIST);
  FAILS(wasi_path_create_directory(dir, PATH("d/file/z")), ENOTDIR);
  FAILS_EITHER(unlink_at(dir, "d/file/"), ENOTDIR, EISDIR);
  FAILS(unlink_at(dir, "missing"), ENOENT);
  FAILS(wasi_path_remove_directory(dir, PATH("missing")), ENOENT);
  FAILS(wasi_path_remove_directory(1000, PATH("d")), EBADF);
  FAILS(wasi_path_create_directory(1000, PATH("d")), EBADF);
  FAILS(unlink_at(1000, "d"), EBADF);
  OK(wasi_path_remove_directory(dir, PATH("d/e/")));

  // A path may start at any directory that is open, and not leave it.
  OK(wasi_path_open(dir, 0, PATH("d"), OFLAG_DIRECTORY, dir_stat.base, dir_stat.inheriting, 0, &fd));
  OK(stat_at(fd, 0, "file", &stat));
  FAILS_EITHER(stat_at(fd, 0, "../d/file", &stat), ENOTCAPABLE, EPERM);
  OK(unlink_at(fd, "file"));
  OK(wasi_fd_close(fd));
  OK(wasi_path_remove_directory(dir, PATH("d")));
}

// Reads the whole directory through a buffer of that many bytes and returns the number of entries; counts those named f00 to f39.
static int read_directory(fd_t fd, size_t capacity, int *known) {
  static char buffer[4096];
  uint64_t cookie = 0;
  int entries = 0;
  *known = 0;
  for (;;) {
    size_t used = 0, at = 0;
    OK(wasi_fd_readdir(fd, buffer, capacity, cookie, &used));
    TRUE(used <= capacity);
    uint64_t before = cookie;
    while (at + sizeof(dirent_t) <= used) {
      dirent_t entry;
      __builtin_memcpy(&entry, buffer + at, sizeof entry);
      const char *name = buffer + at + sizeof entry;
      at += sizeof entry + entry.namlen;
      if (at > used) break;
      entries++;
      cookie = entry.next;
      if (entry.namlen == 3 && name[0] == 'f') {
        (*known)++;
        EQUAL(entry.type, FILETYPE_REGULAR);
      } else {
        TRUE(name[0] == '.');
        EQUAL(entry.type, FILETYPE_DIRECTORY);
      }
    }
    // Not full: that was the end.
    if (used < capacity) return entries;
    if (cookie == before || entries > 1000) {
      TRUE(!"readdir goes on");
      return entries;
    }
  }
}

static void test_readdir(void) {
  enum { FILES = 40 };
  fd_t fd;
  char name[8] = "r/f00";
  int known;
  OK(wasi_path_create_directory(dir, PATH("r")));
  OK(open_at(dir, "r", OFLAG_DIRECTORY, RIGHT_FD_READDIR, 0, &fd));
  int empty = read_directory(fd, 4096, &known);
  TRUE(empty == 2 || empty == 0);
  for (int i = 0; i < FILES; i++) {
    name[3] = (char)('0' + i / 10), name[4] = (char)('0' + i % 10);
    OK(wasi_fd_close(create(name, "")));
  }
  static const size_t capacities[] = {4096, 500, 64, sizeof(dirent_t) + 3};
  for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
    EQUAL(read_directory(fd, capacities[i], &known), empty + FILES);
    EQUAL(known, FILES);
  }
  // The cookie of each entry leads to the one after it.
  char one[64], again[64];
  size_t used;
  dirent_t first, second;
  OK(wasi_fd_readdir(fd, one, sizeof one, 0, &used));
  EQUAL(used, sizeof one);
  __builtin_memcpy(&first, one, sizeof first);
  OK(wasi_fd_readdir(fd, again, sizeof again, first.next, &used));
  __builtin_memcpy(&second, again, sizeof second);
  TRUE(second.next != first.next);
  OK(wasi_fd_readdir(fd, one, 0, 0, &used));
  EQUAL(used, 0);
  OK(wasi_fd_readdir(fd, one, 10, 0, &used));
  EQUAL(used, 10);
  FAILS(wasi_fd_readdir(fd, (void *)0xffffff00, 512, 0, &used), EFAULT);
  FAILS(wasi_fd_readdir(1000, one, sizeof one, 0, &used), EBADF);
  OK(wasi_fd_close(fd));
  for (int i = 0; i < FILES; i++) {
    name[3] = (char)('0' + i / 10), name[4] = (char)('0' + i % 10);
    if (i == 0) {
      OK(open_at(dir, name, 0, RIGHT_FD_READ, 0, &fd));
      FAILS_EITHER(wasi_fd_readdir(fd, one, sizeof one, 0, &used), ENOTDIR, ENOTCAPABLE);
      OK(wasi_fd_close(fd));
    }
    OK(unlink_at(dir, name));
  }
  // Removing what has been read must not hide what comes after it: `rm -r` in every language depends on that.
  for (int i = 0; i < FILES; i++) {
    name[3] = (char)('0' + i / 10), name[4] = (char)('0' + i % 10);
    OK(wasi_fd_close(create(name, "")));
  }
  OK(open_at(dir, "r", OFLAG_DIRECTORY, RIGHT_FD_READDIR, 0, &fd));
  uint64_t cookie = 0;
  int removed = 0;
  for (int i = 0; i < FILES + 3; i++) {
    OK(wasi_fd_readdir(fd, one, sizeof one, cookie, &used));
    if (used < sizeof first) break;
    __builtin_memcpy(&first, one, sizeof first);
    cookie = first.next;
    if (first.namlen != 3) continue;
    __builtin_memcpy(name + 2, one + sizeof first, 3);
    OK(unlink_at(dir, name));
    removed++;
  }
  EQUAL(removed, FILES);
  OK(wasi_fd_close(fd));
  for (int i = 0; i < FILES && removed < FILES; i++) {
    name[3] = (char)('0' + i / 10), name[4] = (char)('0' + i % 10);
    (void)unlink_at(dir, name);
  }
  OK(wasi_path_remove_directory(dir, PATH("r")));
}

static void test_rename(void) {
  filestat_t stat;
  fd_t fd = create("from", "moved");
  OK(wasi_path_rename(dir, PATH("from"), dir, PATH("to")));
  FAILS(stat_at(dir, 0, "from", &stat), ENOENT);
  TRUE(content_is(fd, "moved"));
  fd_t over = create("over", "gone");
  OK(wasi_path_rename(dir, PATH("to"), dir, PATH("over")));
  TRUE(content_is(over, "gone"));
  OK(stat_at(dir, 0, "over", &stat));
  EQUAL(stat.size, 5);
  OK(wasi_path_rename(dir, PATH("over"), dir, PATH("over")));
  OK(wasi_path_create_directory(dir, PATH("d1")));
  OK(wasi_path_create_directory(dir, PATH("d2")));
  OK(wasi_path_rename(dir, PATH("d1"), dir, PATH("d2")));
  OK(wasi_path_rename(dir, PATH("over"), dir, PATH("d2/in")));
  OK(wasi_path_create_directory(dir, PATH("d1")));
  FAILS_EITHER(wasi_path_rename(dir, PATH("d1"), dir, PATH("d2")), ENOTEMPTY, EEXIST);
  FAILS(wasi_path_rename(dir, PATH("d1"), dir, PATH("d2/in")), ENOTDIR);
  FAILS(wasi_path_rename(dir, PATH("d2/in"), dir, PATH("d1")), EISDIR);
  FAILS(wasi_path_rename(dir, PATH("d2"), dir, PATH("d2/below")), EINVAL);
  FAILS(wasi_path_rename(dir, PATH("missing"), dir, PATH("x")), ENOENT);
  FAILS(wasi_path_rename(1000, PATH("d1"), dir, PATH("x")), EBADF);
  FAILS(wasi_path_rename(dir, PATH("d1"), 1000, PATH("x")), EBADF);
  FAILS_EITHER(wasi_path_rename(dir, PATH("d1"), dir, PATH("../../x")), ENOTCAPABLE, EPERM);
  OK(unlink_at(dir, "d2/in"));
  OK(wasi_path_remove_directory(dir, PATH("d2")));
  OK(wasi_path_remove_directory(dir, PATH("d1")));
  // A file that is open lives on without a name.
  TRUE(content_is(fd, "moved"));
  OK(wasi_fd_close(fd));
  OK(wasi_fd_close(over));
}

static void test_links(void) {
  filestat_t stat;
  char target[16];
  size_t used;
  fd_t fd = create("file", "linked"), other;
  OK(wasi_path_link(dir, 0, PATH("file"), dir, PATH("hard")));
  OK(stat_at(dir, 0, "hard", &stat));
  EQUAL(stat.nlink, 2);
  FAILS(wasi_path_link(dir, 0, PATH("file"), dir, PATH("hard")), EEXIST);
  FAILS(wasi_path_link(dir, 0, PATH("missing"), dir, PATH("h2")), ENOENT);
  FAILS_EITHER(wasi_path_link(dir, 0, PATH("."), dir, PATH("h2")), EPERM, EACCES);
  FAILS_EITHER(wasi_path_link(dir, 0, PATH("file"), dir, PATH("../../h2")), ENOTCAPABLE, EPERM);
  FAILS(wasi_path_link(1000, 0, PATH("file"), dir, PATH("h2")), EBADF);
  OK(unlink_at(dir, "hard"));
  OK(wasi_fd_filestat_get(fd, &stat));
  EQUAL(stat.nlink, 1);

  OK(wasi_path_symlink(PATH("file"), dir, PATH("soft")));
  FAILS(wasi_path_symlink(PATH("file"), dir, PATH("soft")), EEXIST);
  FAILS_EITHER(wasi_path_symlink(PATH(""), dir, PATH("s2")), ENOENT, EINVAL);
  FAILS(wasi_path_symlink(PATH("file"), 1000, PATH("s2")), EBADF);
  OK(wasi_path_readlink(dir, PATH("soft"), target, sizeof target, &used));
  EQUAL(used, 4);
  EQUAL(target[3], 'e');
  // Too small a buffer cuts the target off.
  OK(wasi_path_readlink(dir, PATH("soft"), target, 2, &used));
  EQUAL(used, 2);
  FAILS(wasi_path_readlink(dir, PATH("file"), target, sizeof target, &used), EINVAL);
  FAILS(wasi_path_readlink(dir, PATH("missing"), target, sizeof target, &used), ENOENT);
  FAILS(wasi_path_readlink(1000, PATH("soft"), target, sizeof target, &used), EBADF);
  FAILS(wasi_path_readlink(dir, PATH("soft"), (void *)0xfffffff8, 16, &used), EFAULT);
  OK(stat_at(dir, 0, "soft", &stat));
  EQUAL(stat.filetype, FILETYPE_SYMLINK);
  EQUAL(stat.size, 4);
  OK(stat_at(dir, LOOKUP_FOLLOW, "soft", &stat));
  EQUAL(stat.filetype, FILETYPE_REGULAR);
  FAILS_EITHER(open_at(dir, "soft", 0, RIGHTS_FILE, 0, &other), ELOOP, EMLINK);
  OK(wasi_path_open(dir, LOOKUP_FOLLOW, PATH("soft"), 0, RIGHTS_FILE, 0, 0, &other));
  TRUE(content_is(other, "linked"));
  OK(wasi_fd_close(other));

  // Times of the link itself or of what it points to.
  const uint64_t early = UINT64_C(1000000000000000000);
  OK(wasi_path_filestat_set_times(dir, LOOKUP_FOLLOW, PATH("soft"), 0, early, FST_MTIM));
  OK(wasi_fd_filestat_get(fd, &stat));
  EQUAL(stat.mtim, early);
  OK(wasi_path_filestat_set_times(dir, 0, PATH("soft"), 0, early + 1000000000, FST_MTIM));
  OK(stat_at(dir, 0, "soft", &stat));
  EQUAL(stat.mtim, early + 1000000000);
  OK(wasi_fd_filestat_get(fd, &stat));
  EQUAL(stat.mtim, early);

  OK(wasi_path_symlink(PATH("loop"), dir, PATH("loop")));
  FAILS(wasi_path_open(dir, LOOKUP_FOLLOW, PATH("loop"), 0, RIGHTS_FILE, 0, 0, &other), ELOOP);
  FAILS(stat_at(dir, 0, "loop/x", &stat), ELOOP);
  OK(wasi_path_symlink(PATH("nowhere"), dir, PATH("dangling")));
  FAILS(wasi_path_open(dir, LOOKUP_FOLLOW, PATH("dangling"), 0, RIGHTS_FILE, 0, 0, &other), ENOENT);
  OK(stat_at(dir, 0, "dangling", &stat));
  // A link that points out of the directory may be refused when it is made; it must be when it is followed.
  errno_t made = wasi_path_symlink(PATH("../../.."), dir, PATH("out"));
  if (made == W_SUCCESS) {
    FAILS_EITHER(stat_at(dir, LOOKUP_FOLLOW, "out", &stat), ENOTCAPABLE, EPERM);
    FAILS_EITHER(stat_at(dir, 0, "out/x", &stat), ENOTCAPABLE, EPERM);
    OK(unlink_at(dir, "out"));
  } else {
    FAILS_EITHER(made, ENOTCAPABLE, EPERM);
  }
  OK(wasi_path_rename(dir, PATH("soft"), dir, PATH("renamed")));
  OK(stat_at(dir, 0, "renamed", &stat));
  EQUAL(stat.filetype, FILETYPE_SYMLINK);
  FAILS(wasi_path_remove_directory(dir, PATH("renamed")), ENOTDIR);
  OK(unlink_at(dir, "renamed"));
  OK(unlink_at(dir, "loop"));
  OK(unlink_at(dir, "dangling"));
  TRUE(content_is(fd, "linked"));
  OK(wasi_fd_close(fd));
  OK(unlink_at(dir, "file"));
}

static void test_renumber(void) {
  fd_t a = create("a", "content a"), b = create("b", "content b");
  OK(wasi_fd_renumber(a, b));
  TRUE(content_is(b, "content a"));
  fdstat_t stat;
  FAILS(wasi_fd_fdstat_get(a, &stat), EBADF);
  FAILS(wasi_fd_renumber(a, b), EBADF);
  FAILS(wasi_fd_renumber(b, 100000), EBADF);
  TRUE(content_is(b, "content a"));
  OK(wasi_fd_renumber(b, b));
  TRUE(content_is(b, "content a"));
  OK(wasi_fd_close(b));
  OK(unlink_at(dir, "a"));
  OK(unlink_at(dir, "b"));
}

static void test_rights(void) {
  size_t n;
  char byte;
  iovec_t iov = {&byte, 1};
  fdstat_t stat;
  fd_t fd = create("narrow", "x");
  OK(wasi_fd_fdstat_get(fd, &stat));
  EQUAL(stat.filetype, FILETYPE_REGULAR);
  EQUAL(stat.base & (RIGHT_FD_READ | RIGHT_FD_WRITE), RIGHT_FD_READ | RIGHT_FD_WRITE);
  uint64_t narrow = stat.base & (RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_TELL);
  OK(wasi_fd_fdstat_set_rights(fd, narrow, 0));
  FAILS(wasi_fd_write(fd, &iov, 1, &n), ENOTCAPABLE);
  FAILS(wasi_fd_pwrite(fd, &iov, 1, 0, &n), ENOTCAPABLE);
  FAILS(wasi_fd_filestat_set_size(fd, 0), ENOTCAPABLE);
  FAILS(wasi_fd_allocate(fd, 0, 10), ENOTCAPABLE);
  FAILS(wasi_fd_sync(fd), ENOTCAPABLE);
  OK(wasi_fd_pread(fd, &iov, 1, 0, &n));
  EQUAL(n, 1);
  OK(wasi_fd_fdstat_get(fd, &stat));
  EQUAL(stat.base, narrow);
  // What is gone does not come back.
  FAILS(wasi_fd_fdstat_set_rights(fd, narrow | RIGHT_FD_WRITE, 0), ENOTCAPABLE);
  FAILS(wasi_fd_fdstat_set_rights(fd, narrow, RIGHT_FD_READ), ENOTCAPABLE);
  OK(wasi_fd_fdstat_set_rights(fd, 0, 0));
  FAILS(wasi_fd_read(fd, &iov, 1, &n), ENOTCAPABLE);
  FAILS(wasi_fd_fdstat_set_rights(1000, 0, 0), EBADF);
  OK(wasi_fd_close(fd));

  // What is opened below a directory has no right that the directory does not hand on.
  fd_t below, file;
  OK(wasi_path_open(dir, 0, PATH("."), OFLAG_DIRECTORY, RIGHT_PATH_OPEN | RIGHT_PATH_FILESTAT_GET, RIGHT_FD_READ, 0, &below));
  FAILS(open_at(below, "narrow", 0, RIGHT_FD_READ | RIGHT_FD_WRITE, 0, &file), ENOTCAPABLE);
  FAILS(open_at(below, "narrow", OFLAG_TRUNC, RIGHT_FD_READ, 0, &file), ENOTCAPABLE);
  FAILS(open_at(below, "created", OFLAG_CREAT, RIGHT_FD_READ, 0, &file), ENOTCAPABLE);
  FAILS(unlink_at(below, "narrow"), ENOTCAPABLE);
  FAILS(wasi_path_create_directory(below, PATH("x")), ENOTCAPABLE);
  FAILS(wasi_path_rename(below, PATH("narrow"), dir, PATH("x")), ENOTCAPABLE);
  FAILS(wasi_path_link(below, 0, PATH("narrow"), dir, PATH("x")), ENOTCAPABLE);
  FAILS(wasi_path_symlink(PATH("narrow"), below, PATH("x")), ENOTCAPABLE);
  FAILS(wasi_path_filestat_set_times(below, 0, PATH("narrow"), 0, 0, FST_MTIM), ENOTCAPABLE);
  OK(open_at(below, "narrow", 0, RIGHT_FD_READ, 0, &file));
  OK(wasi_fd_read(file, &iov, 1, &n));
  EQUAL(n, 1);
  OK(wasi_fd_close(file));
  OK(wasi_fd_close(below));
  OK(unlink_at(dir, "narrow"));
}

static void test_descriptor_kinds(void) {
  size_t n;
  uint64_t position;
  char byte;
  iovec_t iov = {&byte, 1};
  FAILS_EITHER(wasi_fd_read(dir, &iov, 1, &n), EISDIR, ENOTCAPABLE);
  FAILS_EITHER(wasi_fd_write(dir, &iov, 1, &n), EISDIR, ENOTCAPABLE);
  FAILS_EITHER(wasi_fd_seek(dir, 0, WHENCE_SET, &position), EISDIR, ENOTCAPABLE);
  FAILS_EITHER(wasi_fd_filestat_set_size(dir, 0), EISDIR, ENOTCAPABLE);
  FAILS(wasi_fd_prestat_get(1000, &position), EBADF);
  FAILS_EITHER(wasi_fd_prestat_get(0, &position), EBADF, EINVAL);
  char name[256];
  FAILS_EITHER(wasi_fd_prestat_dir_name(dir, name, sizeof name), EBADF, EINVAL);
}

int main(int argc, char **argv) {
  fd_t preopened = find_preopen(argc > 1 ? argv[1] : NULL);
  struct {
    uint8_t tag;
    size_t length;
  } prestat;
  OK(wasi_fd_prestat_get(preopened, &prestat));
  EQUAL(prestat.tag, 0);
  char name[256];
  if (prestat.length > 0) FAILS_EITHER(wasi_fd_prestat_dir_name(preopened, name, prestat.length - 1), ENAMETOOLONG, ENOBUFS);

  OK(wasi_path_create_directory(preopened, PATH("fs-test")));
  OK(wasi_fd_fdstat_get(preopened, &dir_stat));
  EQUAL(dir_stat.filetype, FILETYPE_DIRECTORY);
  OK(wasi_path_open(preopened, 0, PATH("fs-test"), OFLAG_DIRECTORY, dir_stat.base, dir_stat.inheriting, 0, &dir));
  test_open_flags();
  test_read_write();
  test_append();
  test_sizes();
  test_stat_times();
  test_directories();
  test_readdir();
  test_rename();
  test_links();
  test_renumber();
  test_rights();
  test_descriptor_kinds();
  OK(wasi_fd_close(dir));
  OK(wasi_path_remove_directory(preopened, PATH("fs-test")));
  return finish();
}
