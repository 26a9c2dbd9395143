// The same file system and clocks as a C program sees them: stdio, POSIX calls and errno values of wasi-libc.
// Works in the preopened directory argv[1] ("." without it) and leaves nothing behind where all checks hold.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void check(int line, const char *what, long long got, long long expected) {
  if (got == expected) return;
  fprintf(stderr, "libc: %d: %s: expected %lld, got %lld (errno %d)\n", line, what, expected, got, errno);
  if (++failures > 50) exit(1);
}

#define EQUAL(got, expected) check(__LINE__, #got, (long long)(got), (long long)(expected))
#define TRUE(condition) check(__LINE__, #condition, !!(condition), 1)
#define FAILS(call, code) (errno = 0, EQUAL(call, -1), EQUAL(errno, code))

static char root[256];

// Two results may be in use at a time.
static const char *at(const char *name) {
  static char paths[2][512];
  static int turn;
  turn ^= 1;
  snprintf(paths[turn], sizeof paths[turn], "%s/%s", root, name);
  return paths[turn];
}

static void test_stdio(void) {
  FILE *file = fopen(at("text"), "w+");
  if (!file) {
    TRUE(file != NULL);
    return;
  }
  for (int i = 0; i < 1000; i++) fprintf(file, "line %d\n", i);
  EQUAL(fflush(file), 0);
  EQUAL(ftell(file), 8890);
  EQUAL(fseek(file, 0, SEEK_SET), 0);
  char line[32];
  int lines = 0;
  while (fgets(line, sizeof line, file)) lines++;
  EQUAL(lines, 1000);
  EQUAL(strcmp(line, "line 999\n"), 0);
  EQUAL(feof(file), 1);
  EQUAL(fclose(file), 0);
  file = fopen(at("text"), "a");
  fputs("end\n", file);
  EQUAL(fclose(file), 0);
  struct stat stat_;
  EQUAL(stat(at("text"), &stat_), 0);
  EQUAL(stat_.st_size, 8894);
  TRUE(S_ISREG(stat_.st_mode));
  TRUE(fopen(at("missing"), "r") == NULL);
  EQUAL(errno, ENOENT);
  TRUE(fopen(at("text"), "wx") == NULL);
  EQUAL(errno, EEXIST);
  EQUAL(remove(at("text")), 0);
}

static void test_descriptors(void) {
  char a[4], b[4];
  int fd = open(at("data"), O_CREAT | O_EXCL | O_RDWR, 0666);
  TRUE(fd > 2);
  FAILS(open(at("data"), O_CREAT | O_EXCL | O_RDWR, 0666), EEXIST);
  struct iovec pieces[2] = {{"0123", 4}, {"4567", 4}};
  EQUAL(writev(fd, pieces, 2), 8);
  EQUAL(lseek(fd, 0, SEEK_SET), 0);
  struct iovec parts[2] = {{a, 4}, {b, 4}};
  EQUAL(readv(fd, parts, 2), 8);
  EQUAL(b[3], '7');
  EQUAL(pwrite(fd, "XY", 2, 1), 2);
  EQUAL(pread(fd, a, 4, 0), 4);
  EQUAL(memcmp(a, "0XY3", 4), 0);
  EQUAL(lseek(fd, 0, SEEK_CUR), 8);
  EQUAL(ftruncate(fd, 3), 0);
  EQUAL(lseek(fd, 0, SEEK_END), 3);
  EQUAL(posix_fallocate(fd, 0, 100), 0);
  EQUAL(lseek(fd, 0, SEEK_END), 100);
  EQUAL(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
  EQUAL(fsync(fd), 0);
  EQUAL(fdatasync(fd), 0);
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  EQUAL(fcntl(fd, F_SETFL, O_APPEND), 0);
  EQUAL(lseek(fd, 0, SEEK_SET), 0);
  EQUAL(write(fd, "end", 3), 3);
  EQUAL(lseek(fd, 0, SEEK_END), 103);
  struct timespec times[2] = {{1000000000, 5000}, {1500000000, 7000}};
  EQUAL(futimens(fd, times), 0);
  struct stat stat_;
  EQUAL(fstat(fd, &stat_), 0);
  EQUAL(stat_.st_atim.tv_sec, 1000000000);
  // A host that keeps times as doubles is a few hundred nanoseconds off.
  EQUAL((stat_.st_mtim.tv_nsec + 500) / 1000, 7);
  times[0].tv_sec = 1100000000;
  EQUAL(utimensat(AT_FDCWD, at("data"), times, 0), 0);
  EQUAL(stat(at("data"), &stat_), 0);
  EQUAL(stat_.st_atim.tv_sec, 1100000000);
  EQUAL(stat_.st_mtim.tv_sec, 1500000000);
  EQUAL(close(fd), 0);
  FAILS(close(fd), EBADF);
  FAILS(write(fd, "x", 1), EBADF);
  EQUAL(isatty(fd), 0);
  EQUAL(unlink(at("data")), 0);
  FAILS(unlink(at("data")), ENOENT);
}

static void test_tree(void) {
  char target[16];
  struct stat stat_;
  EQUAL(mkdir(at("d"), 0777), 0);
  FAILS(mkdir(at("d"), 0777), EEXIST);
  for (int i = 0; i < 100; i++) {
    char name[16];
    snprintf(name, sizeof name, "d/entry-%d", i);
    int fd = open(at(name), O_CREAT | O_WRONLY, 0666);
    TRUE(fd > 2);
    close(fd);
  }
  DIR *directory = opendir(at("d"));
  TRUE(directory != NULL);
  int entries = 0;
  if (directory) {
    for (struct dirent *entry; (entry = readdir(directory));) entries += entry->d_name[0] != '.';
    EQUAL(entries, 100);
    rewinddir(directory);
    TRUE(readdir(directory) != NULL);
    EQUAL(closedir(directory), 0);
  }
  FAILS(rmdir(at("d")), ENOTEMPTY);
  EQUAL(rename(at("d/entry-0"), at("renamed")), 0);
  EQUAL(link(at("renamed"), at("hard")), 0);
  EQUAL(stat(at("hard"), &stat_), 0);
  EQUAL(stat_.st_nlink, 2);
  EQUAL(symlink("renamed", at("soft")), 0);
  EQUAL(readlink(at("soft"), target, sizeof target), 7);
  EQUAL(lstat(at("soft"), &stat_), 0);
  TRUE(S_ISLNK(stat_.st_mode));
  EQUAL(stat(at("soft"), &stat_), 0);
  TRUE(S_ISREG(stat_.st_mode));
  EQUAL(access(at("soft"), F_OK), 0);
  FAILS(access(at("missing"), F_OK), ENOENT);
  for (int i = 1; i < 100; i++) {
    char name[16];
    snprintf(name, sizeof name, "d/entry-%d", i);
    EQUAL(unlink(at(name)), 0);
  }
  EQUAL(unlink(at("soft")), 0);
  EQUAL(unlink(at("hard")), 0);
  EQUAL(unlink(at("renamed")), 0);
  EQUAL(rmdir(at("d")), 0);
}

static void test_rest(void) {
  struct timespec a, b;
  EQUAL(clock_getres(CLOCK_MONOTONIC, &a), 0);
  EQUAL(clock_gettime(CLOCK_MONOTONIC, &a), 0);
  struct timespec pause = {0, 2000000};
  EQUAL(nanosleep(&pause, NULL), 0);
  EQUAL(clock_gettime(CLOCK_MONOTONIC, &b), 0);
  TRUE((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec >= 1000000);
  TRUE(time(NULL) > 1700000000);
  unsigned char random[32] = {0}, all = 0;
  EQUAL(getentropy(random, sizeof random), 0);
  for (size_t i = 0; i < sizeof random; i++) all |= random[i];
  TRUE(all != 0);
  EQUAL(sched_yield(), 0);
  char *big = malloc(5 << 20);
  TRUE(big != NULL);
  if (big) memset(big, 1, 5 << 20);
  free(big);
}

int main(int argc, char **argv) {
  snprintf(root, sizeof root, "%s/libc-test", argc > 1 ? argv[1] : ".");
  if (mkdir(root, 0777) != 0) {
    fprintf(stderr, "libc: %s: %s\n", root, strerror(errno));
    return 1;
  }
  test_stdio();
  test_descriptors();
  test_tree();
  test_rest();
  EQUAL(rmdir(root), 0);
  return failures ? 1 : 0;
}
