// System calls of Linux as a function of JavaScript. node:ffi looks the type of each integer up that it hands on, which takes 30 ns
// each, and hands `double`s on as they are. So this is a function of doubles: a few instructions in the processor's own language,
// which the dynamic linker loads from an unnamed file of the host like any other library.
import fs from 'node:fs';
import { arch } from 'node:process';
import { type Ffi, linuxFfi } from './ffi.ts';
import { library } from './library.ts';
import { memfds, SIGNATURES as UNNAMED } from './memfd.ts';

/**
 * Makes the system call of this number: what it gives, a negated errno where it failed. Whole numbers below 2^53, addresses
 * included; the result has 32 bits. Nothing is checked: whoever calls knows that addresses are right and stay so.
 */
export type Syscall = (number: number, a: number, b: number, c: number) => number;

export interface Direct {
  readonly syscall: Syscall;
  /** Numbers of system calls. */
  readonly read: number;
  readonly write: number;
}

/** How the kernel is called on a processor: doubles to integers, where the kernel expects them; the call; the way back. */
interface Processor {
  /** e_machine. */
  readonly machine: number;
  readonly code: Uint8Array;
  readonly numbers: Omit<Direct, 'syscall'>;
}

const PROCESSORS: Readonly<Record<string, Processor>> = {
  x64: {
    machine: 62,
    code: Uint8Array.of(
      ...[0xf2, 0x48, 0x0f, 0x2c, 0xc0], // cvttsd2si rax, xmm0
      ...[0xf2, 0x48, 0x0f, 0x2c, 0xf9], // cvttsd2si rdi, xmm1
      ...[0xf2, 0x48, 0x0f, 0x2c, 0xf2], // cvttsd2si rsi, xmm2
      ...[0xf2, 0x48, 0x0f, 0x2c, 0xd3], // cvttsd2si rdx, xmm3
      ...[0x0f, 0x05], // syscall
      0xc3, // ret
    ),
    numbers: { read: 0, write: 1 },
  },
  arm64: {
    machine: 183,
    code: new Uint8Array(
      Uint32Array.of(
        0x9e780008, // fcvtzs x8, d0
        0x9e780020, // fcvtzs x0, d1
        0x9e780041, // fcvtzs x1, d2
        0x9e780062, // fcvtzs x2, d3
        0xd4000001, // svc #0
        0xd65f03c0, // ret
      ).buffer,
    ),
    numbers: { read: 63, write: 64 },
  },
};

/** With a version of the code: the dynamic linker knows libraries by name, of which two of SuperOS may have the same. */
const SYMBOL = 'superos_syscall_1';
const SIGNATURES = { [SYMBOL]: { return: 'int32', arguments: ['double', 'double', 'double', 'double'] } } as const;

function load(): Direct | string {
  const ffi = linuxFfi();
  if (typeof ffi === 'string') return ffi;
  const { machine, code, numbers } = PROCESSORS[arch]!;
  try {
    return { syscall: linked(ffi, library(machine, SYMBOL, code)), ...numbers };
  } catch (error) {
    return (error as Error).message;
  }
}

/** The function of a library. It keeps what it belongs to loaded. */
function linked(ffi: Ffi, bytes: Uint8Array): Syscall {
  const files = memfds(ffi, gnu(ffi));
  const fd = files.make();
  if (fd === undefined) throw new Error('this host makes no unnamed files');
  try {
    fs.writeSync(fd, bytes);
    // Not as Node spells it, whose own libraries have such names.
    return ffi.dlopen(`/proc/self/./fd/${fd}`, SIGNATURES).functions[SYMBOL];
  } finally {
    files.close(fd);
  }
}

/** musl unloads nothing: each thread that ends would leave mappings behind, of which a host has so many. */
function gnu(ffi: Ffi) {
  try {
    return ffi.dlopen(null, { ...UNNAMED, gnu_get_libc_version: { return: 'uint64', arguments: [] } }).functions;
  } catch {
    throw new Error('needs the GNU C library');
  }
}

/** Calls through node:fs that together take longer than to make the way around it. */
const WORTH = 1000;

let loaded: Direct | string | undefined;
let asked = 0;

/** Or why this host has none. */
export function direct(): Direct | string {
  loaded ??= load();
  return loaded;
}

/** For each call of a thread to ask: undefined until they are so many that it pays, and for good where this host has none. */
export function directWhenWorth(): Direct | undefined {
  if (loaded === undefined && ++asked <= WORTH) return undefined;
  const calls = direct();
  return typeof calls === 'string' ? undefined : calls;
}
