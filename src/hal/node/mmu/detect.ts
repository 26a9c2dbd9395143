// Whether memories can be native here. Protected pages are traps only where V8 has its guard reservation and its handler of
// faults; without either a guest's touch of one would end the host, so nothing is tried before both are shown to be there.
import fs from 'node:fs';
import { type HostCalls, linuxCalls } from './calls.ts';
import { newMemory } from './portable.ts';

const SIGSEGV = 11;
/** An address and an offset of 32 bits each; V8 reserves more for 64-bit memories. */
const RESERVED_BYTES = 8 * 2 ** 30;
const WASM_PAGE = 65_536;

/** The calls, or why there are none. It costs milliseconds. */
export function detect(): HostCalls | string {
  const calls = linuxCalls();
  if (typeof calls === 'string') return calls;
  const why = unguarded(calls) ?? unable(calls);
  return why ?? calls;
}

/** V8 gives up both where it is told to (--disable-wasm-trap-handler) and where the address space is too small (ulimit -v). */
function unguarded(calls: HostCalls): string | undefined {
  const caught = /^SigCgt:\s+([0-9a-f]+)/m.exec(read('/proc/self/status'))?.[1] ?? '0';
  if (((BigInt(`0x${caught}`) >> BigInt(SIGSEGV - 1)) & 1n) === 0n) return 'V8 handles no faults (--disable-wasm-trap-handler)';
  for (const address of ['i32', 'i64'] as const) {
    const memory = newMemory({ minimum: 1, maximum: 1, shared: false, address });
    if (memory === undefined) return 'no room for a memory';
    const reserved = reservedFrom(Number(calls.addressOf(memory.buffer)));
    if (reserved < RESERVED_BYTES) return 'V8 reserves no guards around memories (ulimit -v)';
  }
  return undefined;
}

/** Bytes mapped without a gap: those of the memory itself, then such as nobody may touch. */
function reservedFrom(base: number): number {
  let end = base;
  for (const [, from, to, access] of read('/proc/self/maps').matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S+)/gm)) {
    if (Number.parseInt(from!, 16) > end) break;
    if (Number.parseInt(to!, 16) <= base) continue;
    if (end > base && access !== '---p') break;
    end = Number.parseInt(to!, 16);
  }
  return end - base;
}

/** Each call once, on a memory of its own: what a sandbox refuses or an emulator leaves out is found here, not under a guest. */
function unable(calls: HostCalls): string | undefined {
  if (WASM_PAGE % calls.pageBytes !== 0) return `pages of ${calls.pageBytes} bytes`;
  const memory = newMemory({ minimum: 1, maximum: 1, shared: false, address: 'i32' });
  const fd = calls.file(WASM_PAGE);
  if (memory === undefined || fd === undefined) return 'no unnamed files (memfd_create)';
  try {
    fs.writeSync(fd, new Uint8Array(WASM_PAGE).fill(1));
    const base = calls.addressOf(memory.buffer);
    const size = BigInt(WASM_PAGE);
    const page = BigInt(calls.pageBytes);
    const bytes = new Uint8Array(memory.buffer);
    const holds = (byte: number): boolean => bytes[5] === byte;
    if (!calls.seal(fd) || !calls.copy(base, size, fd, 0n) || !holds(1)) return 'images cannot be mapped (mmap)';
    bytes[5] = 2;
    const written = calls.written(Number(base), WASM_PAGE);
    if (calls.scans && (written !== 1 || calls.from(0) !== 0 || calls.to(0) !== calls.pageBytes)) return 'wrong PAGEMAP_SCAN';
    if (!calls.discard(base, size) || !holds(1)) return 'pages cannot be dropped (madvise)';
    if (!calls.protect(base, page, 'none') || !calls.protect(base, page, 'write')) return 'pages cannot be protected (mprotect)';
    return calls.zero(base, size, 'write') && holds(0) ? undefined : 'pages cannot be mapped (mmap)';
  } catch (error) {
    return `no unnamed files: ${(error as Error).message}`;
  } finally {
    calls.close(fd);
  }
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, 'latin1');
  } catch {
    // A sandbox without /proc: nothing is known then.
    return '';
  }
}
