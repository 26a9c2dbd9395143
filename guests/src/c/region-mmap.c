// Memory mapping as POSIX has it. region-mmap anonymous: pages come zeroed, are written, protected, and go. region-mmap count NAME: adds
// one to the first word of a region, and prints it. region-mmap WHERE: touches what traps, where WHERE is before, behind, read-only,
// unmapped or null.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sdk/c/mman.h"

enum { LENGTH = 3 * 65536 };

static void must(int ok, const char *what) {
  if (ok) return;
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static volatile char *map(int protection) {
  char *at = mmap(NULL, LENGTH, protection, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0);
  must(at != MAP_FAILED, "mmap");
  return at;
}

static void anonymous(void) {
  void *heap = malloc(100000);
  for (int i = 0; i < 100; i++) {
    volatile char *at = map(PROT_READ | PROT_WRITE);
    for (size_t k = 0; k < LENGTH; k += 4096) must(at[k] == 0, "a page is not zero");
    memset((char *)at, i, LENGTH);
    must(mprotect((char *)at, LENGTH, PROT_READ) == 0, "mprotect");
    must(at[LENGTH - 1] == i, "what was written is gone");
    // The heap goes on growing around it.
    heap = realloc(heap, 100000 + (size_t)i * 10000);
    must(heap != NULL, "realloc");
    must(munmap((char *)at, LENGTH) == 0, "munmap");
  }
  must(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0) == MAP_FAILED && errno == EINVAL, "no bytes");
  must(munmap(heap, 65536) == -1 && errno == EINVAL, "munmap of the heap");
  puts("ok");
}

static void count(const char *name) {
  superos_handle_t region;
  uint64_t bytes;
  uint32_t rights;
  must(superos_result(superos_cap_find(name, strlen(name), &region)) == 0, "cap_find");
  must(superos_result(superos_mem_info(region, &bytes, &rights)) == 0, "mem_info");
  uint32_t *words = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region, 0);
  must(words != MAP_FAILED, "mmap");
  printf("%u\n", ++words[0]);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  const char *what = argv[1];
  if (strcmp(what, "anonymous") == 0) anonymous();
  else if (strcmp(what, "count") == 0 && argc == 3) count(argv[2]);
  else {
    volatile char *at = map(PROT_READ | PROT_WRITE);
    at[0] = 1;
    if (strcmp(what, "before") == 0) at[-1] = 1;
    else if (strcmp(what, "behind") == 0) at[LENGTH] = 1;
    else if (strcmp(what, "null") == 0) *(volatile char *)argv[argc] = 1;
    else if (strcmp(what, "read-only") == 0) {
      must(mprotect((char *)at, LENGTH, PROT_READ) == 0, "mprotect");
      at[5] = 1;
    } else if (strcmp(what, "unmapped") == 0) {
      must(munmap((char *)at, LENGTH) == 0, "munmap");
      at[5] = 1;
    } else return 2;
    puts("nothing happened");
  }
  return 0;
}
