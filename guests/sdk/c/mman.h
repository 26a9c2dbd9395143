// POSIX memory mapping on the calls of superos.h: anonymous memory, and regions, whose handle stands for the descriptor. What there
// is no way to do fails with EINVAL or ENOTSUP, and never does something else.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "superos.h"

enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
#define MAP_FAILED ((void *)-1)

static inline uint32_t superos_access(int protection) {
  return protection & PROT_WRITE ? SUPEROS_ACCESS_WRITE : protection & PROT_READ ? SUPEROS_ACCESS_READ : SUPEROS_ACCESS_NONE;
}

// errno has the numbers of WASI.
static inline int superos_result(superos_errno_t error) {
  if (error == 0) return 0;
  errno = (int)error;
  return -1;
}

// A region is mapped whole and shared: `length` must be its size, `offset` 0. Anonymous memory is private. An address is taken with
// MAP_FIXED alone.
static inline void *mmap(void *address, size_t length, int protection, int flags, superos_handle_t region, int64_t offset) {
  void *at = NULL;
  superos_errno_t error = EINVAL;
  void *fixed = flags & MAP_FIXED ? address : NULL;
  if (length == 0 || offset != 0 || (protection & ~(PROT_READ | PROT_WRITE)) != 0 || ((flags & MAP_FIXED) && address == NULL)) {
    error = EINVAL;
  } else if (flags & MAP_ANONYMOUS) {
    error = fixed || (flags & MAP_SHARED) ? ENOTSUP : superos_mem_alloc(length, superos_access(protection), &at);
  } else {
    uint64_t bytes = 0;
    uint32_t rights;
    error = flags & MAP_PRIVATE ? ENOTSUP : superos_mem_info(region, &bytes, &rights);
    if (error == 0) error = bytes == length ? superos_mem_map(region, fixed, superos_access(protection), &at) : EINVAL;
  }
  return superos_result(error) == 0 ? at : MAP_FAILED;
}

static inline int munmap(void *address, size_t length) {
  return superos_result(superos_mem_unmap(address, length));
}

static inline int mprotect(void *address, size_t length, int protection) {
  return superos_result(superos_mem_protect(address, length, superos_access(protection)));
}
