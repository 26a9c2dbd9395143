// The least of WASI that the programs of the cost bench need, in memory and the same at each run: arguments, an input, an output,
// a clock that counts its calls. A rewritten module and its original are given the same functions, so that only their code differs.
import type { Layout } from '../../src/runtime/loader.ts';

const BADF = 8;
const NOENT = 44;
const NOSYS = 52;
const SPIPE = 70;
/** A socket: neither a terminal nor something to seek in, which is what a program takes a pipe for. */
const SOCKET_STREAM = 6;
const RIGHTS = (1n << 30n) - 1n;
const CLOCK_STEP_NS = 1000n;
/** What a call returns that asks the stub for `wait`, which then unwinds. */
const ATTEND = -1;

type Call = (...args: number[]) => number;

/** Thrown out of an original that exits. A rewritten one is unwound. */
export const EXITED = Symbol('exited');

export class Host {
  readonly #args: readonly Buffer[];
  readonly #input: Uint8Array;
  #at = 0;
  #timeNs = 1_700_000_000_000_000_000n;
  #random = 1;
  /** Known only once there is an instance, where the instance makes it. */
  memory!: WebAssembly.Memory;
  #buffer: ArrayBufferLike | undefined;
  #view!: DataView;
  readonly output: Buffer[] = [];
  /** Undefined until the program ends itself. */
  code: number | undefined;

  constructor(args: readonly string[], input: Uint8Array) {
    this.#args = args.map((arg) => Buffer.from(`${arg}\0`));
    this.#input = input;
  }

  get #bytes(): DataView {
    // Growth replaces the buffer.
    const { buffer } = this.memory;
    if (this.#buffer !== buffer) {
      this.#buffer = buffer;
      this.#view = new DataView(buffer);
    }
    return this.#view;
  }

  /** Each i64 parameter is taken as two i32, low first. */
  readonly calls: Readonly<Record<string, Call>> = {
    args_sizes_get: (count, size) => this.#sizes(this.#args, count!, size!),
    args_get: (pointers, bytes) => this.#strings(this.#args, pointers!, bytes!),
    environ_sizes_get: (count, size) => this.#sizes([], count!, size!),
    environ_get: () => 0,
    clock_res_get: (_clock, at) => this.#put64(at!, 1n),
    clock_time_get: (_clock, _low, _high, at) => {
      this.#timeNs += CLOCK_STEP_NS;
      return this.#put64(at!, this.#timeNs);
    },
    random_get: (at, length) => {
      for (let i = 0; i < length!; i++) {
        this.#random = Math.imul(this.#random, 1664525) + 1013904223;
        this.#bytes.setUint8(at! + i, this.#random >>> 24);
      }
      return 0;
    },
    fd_read: (fd, iovs, count, at) => (fd === 0 ? this.#put32(at!, this.#each(iovs!, count!, this.#read)) : BADF),
    fd_write: (fd, iovs, count, at) => (fd! <= 2 ? this.#put32(at!, this.#each(iovs!, count!, this.#write)) : BADF),
    fd_close: (fd) => (fd! <= 2 ? 0 : BADF),
    fd_seek: (fd) => (fd! <= 2 ? SPIPE : BADF),
    fd_fdstat_get: (fd, at) => {
      if (fd! > 2) return BADF;
      this.#put64(at!, BigInt(SOCKET_STREAM));
      this.#put64(at! + 8, RIGHTS);
      return this.#put64(at! + 16, RIGHTS);
    },
    fd_fdstat_set_flags: (fd) => (fd! <= 2 ? 0 : BADF),
    fd_filestat_get: (fd, at) => {
      if (fd! > 2) return BADF;
      for (let i = 0; i < 64; i += 8) this.#put64(at! + i, 0n);
      return this.#put64(at! + 16, BigInt(SOCKET_STREAM));
    },
    fd_prestat_get: () => BADF,
    path_open: () => NOENT,
    path_filestat_get: () => NOENT,
    path_readlink: () => NOENT,
    sched_yield: () => 0,
    /** All are clocks, as a runtime that has nothing to do waits for, and have come. */
    poll_oneoff: (from, to, count, at) => {
      for (let i = 0; i < count!; i++) {
        for (let j = 0; j < 32; j += 8) this.#put64(to! + 32 * i + j, 0n);
        this.#put64(to! + 32 * i, this.#bytes.getBigUint64(from! + 48 * i, true));
        this.#timeNs += this.#bytes.getBigUint64(from! + 48 * i + 24, true);
      }
      return this.#put32(at!, count!);
    },
    isatty: (_fd, at) => this.#put32(at!, 0),
    proc_exit: (code) => {
      this.code = code!;
      return ATTEND;
    },
  };

  /** The functions that a module imports; `rewritten` as it takes them: lowered, or else as its source declares them. */
  imports(layout: Layout, rewritten: boolean): Record<string, Record<string, unknown>> {
    const given: Record<string, Record<string, unknown>> = {};
    for (const { module, name, params } of layout.functions) {
      const call = this.calls[name] ?? (() => NOSYS);
      given[module] ??= {};
      given[module][name] = rewritten ? call : params.includes('i64') ? split(call) : name === 'proc_exit' ? thrown(call) : call;
    }
    return given;
  }

  #put32(at: number, value: number): 0 {
    this.#bytes.setUint32(at, value, true);
    return 0;
  }

  #put64(at: number, value: bigint): 0 {
    this.#bytes.setBigUint64(at, value, true);
    return 0;
  }

  #sizes(strings: readonly Buffer[], count: number, size: number): 0 {
    this.#put32(count, strings.length);
    return this.#put32(
      size,
      strings.reduce((sum, { length }) => sum + length, 0),
    );
  }

  #strings(strings: readonly Buffer[], pointers: number, at: number): 0 {
    for (const [i, string] of strings.entries()) {
      this.#put32(pointers + 4 * i, at);
      new Uint8Array(this.memory.buffer, at).set(string);
      at += string.length;
    }
    return 0;
  }

  #each(iovs: number, count: number, move: (at: number, length: number) => number): number {
    let moved = 0;
    for (let i = 0; i < count; i++) {
      moved += move(this.#bytes.getUint32(iovs + 8 * i, true), this.#bytes.getUint32(iovs + 8 * i + 4, true));
    }
    return moved;
  }

  readonly #read = (at: number, length: number): number => {
    const part = this.#input.subarray(this.#at, this.#at + length);
    new Uint8Array(this.memory.buffer, at, part.length).set(part);
    this.#at += part.length;
    return part.length;
  };

  readonly #write = (at: number, length: number): number => {
    this.output.push(Buffer.from(new Uint8Array(this.memory.buffer, at, length)));
    return length;
  };
}

/** Takes i64 parameters whole: a BigInt becomes its two halves. */
const split =
  (call: Call) =>
  (...args: (number | bigint)[]) =>
    call(...args.flatMap((arg) => (typeof arg === 'bigint' ? [Number(arg & 0xffffffffn) | 0, Number(arg >> 32n) | 0] : [arg])));

const thrown =
  (call: Call) =>
  (...args: number[]) => {
    call(...args);
    throw EXITED;
  };
