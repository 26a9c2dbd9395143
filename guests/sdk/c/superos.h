// The calls of the import module `superos`, for C and C++. Each returns 0 or an errno of WASI preview 1, and works on the
// capability that it names; a process has no other authority. No call changes what it points to unless it returns 0, but
// for `used` of those that say ERANGE.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The number of a capability: a handle (2^30 and above), as superos_cap_find gives it. Numbers mean nothing elsewhere.
typedef uint32_t superos_handle_t;
// A descriptor, as of WASI: a socket is read, written, polled, shut down and closed by the calls of preview 1.
typedef uint32_t superos_fd_t;
typedef uint32_t superos_errno_t;

typedef struct {
  const void *base;
  size_t length;
} superos_iovec_t;

enum { SUPEROS_LOCAL = 0, SUPEROS_REMOTE = 1 };
// What any address as text takes.
enum { SUPEROS_ADDRESS_BYTES = 46 };

#define SUPEROS(call) __attribute__((import_module("superos"), import_name(#call))) superos_##call

// The capability that was granted by the text `name` (`net:connect:example.org:443`), or else the first of the kind `name`
// (`endpoint`, `clock`, `entropy`). ENOENT: there is none.
superos_errno_t SUPEROS(cap_find)(const char *name, size_t name_length, superos_handle_t *handle);

// Gives up a capability for good. EBADF: no handle or descriptor has this number.
superos_errno_t SUPEROS(cap_drop)(uint32_t number);

// Puts the children that the process starts from now on under a policy that it was given as `policy:NAME`, for good. ENOTSUP: the
// policy gives a process pids of its own.
superos_errno_t SUPEROS(policy_apply)(superos_handle_t policy);

// A TCP connection to a host, an address or a name, of which every address is checked against the grant. Waits until it is made.
// ENOTCAPABLE: the grant does not cover the host, the port, or any address of the name. EINVAL: no host is written so.
superos_errno_t SUPEROS(net_connect)(superos_handle_t endpoint, const char *host, size_t host_length, uint32_t port,
                                     superos_fd_t *fd);

// Listens for TCP connections at an address of this host; at port 0, at any port that is free. Take them with sock_accept.
superos_errno_t SUPEROS(net_listen)(superos_handle_t endpoint, const char *address, size_t address_length, uint32_t port,
                                    uint32_t backlog, superos_fd_t *fd);

// A socket for datagrams. At an address and port that `net:bind` grants it hears from anyone, and may answer; with `net:udp` alone
// at 0.0.0.0 or ::, port 0: it hears from those that it sent to.
superos_errno_t SUPEROS(net_bind)(superos_handle_t endpoint, const char *address, size_t address_length, uint32_t port,
                                  superos_fd_t *fd);

// Sends one datagram of all the pieces.
superos_errno_t SUPEROS(net_send_to)(superos_fd_t fd, const superos_iovec_t *pieces, size_t count, const char *host,
                                     size_t host_length, uint32_t port, size_t *sent);

// Receives one datagram, cut where the pieces do not hold it, and where it came from. ERANGE: the address does not fit, and the
// datagram waits.
superos_errno_t SUPEROS(net_recv_from)(superos_fd_t fd, const superos_iovec_t *pieces, size_t count, char *address,
                                       size_t address_length, size_t *address_used, uint32_t *port, size_t *received);

// The addresses of a name, each as text with a NUL. ERANGE: `used` says how many bytes they take.
superos_errno_t SUPEROS(net_resolve)(superos_handle_t endpoint, const char *name, size_t name_length, char *addresses,
                                     size_t addresses_length, size_t *used);

// The address and port of an end of a socket: SUPEROS_LOCAL or SUPEROS_REMOTE. The text has no NUL.
superos_errno_t SUPEROS(net_address)(superos_fd_t fd, uint32_t end, char *address, size_t address_length, size_t *used,
                                     uint32_t *port);

// What may be done to pages; to write implies to read.
enum { SUPEROS_ACCESS_NONE = 0, SUPEROS_ACCESS_READ = 1, SUPEROS_ACCESS_WRITE = 2 };
// The rights on a region.
enum { SUPEROS_RIGHT_READ = 1, SUPEROS_RIGHT_WRITE = 2, SUPEROS_RIGHT_MAP = 4, SUPEROS_RIGHT_TRANSFER = 1 << 30 };

// Puts a region (superos_cap_find of `region:NAME`, or `region`) into the memory of the process: at a free address, which is a
// multiple of 65536 and has pages before and behind it that trap; or, where `address` is not 0, in place of what superos_mem_alloc
// made there. ENOTCAPABLE: it lacks the right to map, or to that access. EINVAL: there is no such place. ENOMEM: a limit, or too
// much is mapped already. ENOTSUP: the host cannot. Once the region is revoked, its pages trap, and calls answer EFAULT to them.
superos_errno_t SUPEROS(mem_map)(superos_handle_t region, void *address, uint32_t access, void **mapped_at);

// Zero pages of the process's own, placed as a region is. They count as its memory, and once taken away are used again by what is
// mapped next.
superos_errno_t SUPEROS(mem_alloc)(size_t bytes, uint32_t access, void **mapped_at);

// Takes away what is mapped in whole pages of the host, from `address` on; multiples of 65536 from what the calls above gave are
// such. A touch of them traps then. EINVAL: `address` is none, or lies outside of what they gave.
superos_errno_t SUPEROS(mem_unmap)(void *address, size_t length);

// What may be done to pages from now on. EACCES: more than the capability allows that mapped them. ENOMEM: nothing is mapped in some.
superos_errno_t SUPEROS(mem_protect)(void *address, size_t length, uint32_t access);

// The size of a region, and the rights of the capability.
superos_errno_t SUPEROS(mem_info)(superos_handle_t region, uint64_t *bytes, uint32_t *rights);

// Another capability on the region, with these rights, none of which the first may lack (ENOTCAPABLE); it is revoked with it.
superos_errno_t SUPEROS(mem_derive)(superos_handle_t region, uint32_t rights, superos_handle_t *derived);

#ifdef __cplusplus
}
#endif
