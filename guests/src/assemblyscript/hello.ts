// AssemblyScript without a WASI library: the text as static data, and one raw fd_write.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, iovs: usize, iovsLength: u32, written: usize): u32;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: u32): void;

const text = String.UTF8.encode("Hello from AssemblyScript\n");
const iov = memory.data(8, 4);
const written = memory.data(4, 4);

export function _start(): void {
  store<usize>(iov, changetype<usize>(text));
  store<u32>(iov, text.byteLength, 4);
  const error = fd_write(1, iov, 1, written);
  if (error != 0 || load<u32>(written) != <u32>text.byteLength) proc_exit(1);
}
