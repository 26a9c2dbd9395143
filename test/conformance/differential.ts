// Rewritten against original: programs that binaryen's fuzzer makes of seeded bytes run as they are and as the loader rewrites them,
// with the kernel wanting attention at every check, at none, and at random. What they say, return, trap with and leave behind must be
// the same.
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { Random } from '../../src/hal/sim/random.ts';
import { skipInstruction, skipLocals } from '../../src/runtime/immediates.ts';
import { KERNEL_MODULE, type LoadOptions, load } from '../../src/runtime/loader.ts';
import type { Module } from '../../src/runtime/module.ts';
import { parse } from '../../src/runtime/parse.ts';
import { Reader } from '../../src/runtime/reader.ts';
import { expose } from './expose.ts';
import { Fuzzer } from './fuzzer.ts';

const SEED_BYTES_MAX = 3000;
const PAGE = 65_536;
/** Of what a program says, as much is kept. */
const LINES_MAX = 2000;
/** A program's own bound on its loops starts anew with each trap, and so would not end one that calls itself and catches those. */
const INNER_CALLS_MAX = 200;

/** How the kernel wants attention at the checks. */
export type Firing = 'never' | 'always' | 'random';
const MODE: Readonly<Record<Firing, number>> = { never: 0, always: 1, random: 2 };

/**
 * Sets the epoch from another thread, as the kernel's tick does: at once again after each time that it was cleared, or at random. A word
 * that nobody clears would hold a program at its first check for ever.
 */
class Ticker {
  readonly epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  readonly #word = new Int32Array(this.epoch.buffer);
  readonly #mode = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker = new Worker(TICKER, { eval: true, workerData: { word: this.#word, mode: this.#mode } });

  start(firing: Firing): void {
    Atomics.store(this.#mode, 0, MODE[firing]);
    this.#worker.postMessage(firing);
    this.#word[0] = firing === 'always' ? 1 : 0;
  }

  set(wanted: number): void {
    this.#word[0] = wanted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

const TICKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { word, mode } = workerData;
  let state = 1;
  parentPort.on('message', () => {
    while (Atomics.load(mode, 0) !== 0) {
      Atomics.store(word, 0, 1);
      if (Atomics.load(mode, 0) === 1) continue;
      state = Math.imul(state, 1103515245) + 12345 >>> 0;
      for (let spins = state >>> 18; spins > 0; spins--) Atomics.load(mode, 0);
    }
  });`;

export interface Outcome {
  readonly lines: readonly string[];
  /** The stack or the heap ran out, after which nothing can be the same. */
  readonly exhausted: boolean;
  /** How often a rewritten module turned to the kernel. */
  readonly attended: number;
}

export interface Report {
  readonly modules: number;
  /** V8 refuses what the fuzzer makes of some seeds. */
  readonly refused: number;
  readonly calls: number;
  readonly traps: number;
  readonly exhausted: number;
  readonly attended: number;
  readonly differences: readonly string[];
}

function shown(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'function';
  if (Array.isArray(value)) return `[${value.map(shown).join()}]`;
  return typeof value === 'object' && value !== null ? 'object' : String(value);
}

function failure(error: unknown): string {
  if (error instanceof WebAssembly.RuntimeError) return `trap: ${error.message}`;
  if (error instanceof WebAssembly.Exception) return 'exception';
  if (error instanceof RangeError) return `range: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${shown(error)}`;
}

const isExhaustion = (line: string) => line.includes('call stack') || line.includes('allocation failed');

/** A value for a parameter, or for what an import returns. */
function zero(type: string): unknown {
  if (type === 'i64') return 0n;
  return type === 'i32' || type === 'f32' || type === 'f64' ? 0 : null;
}

/** One run of one side: everything a program does is a line. */
export class Run {
  readonly lines: string[] = [];
  exhausted = false;
  attended = 0;
  exports: Record<string, unknown> = {};
  #innerCalls = 0;
  readonly #module: Module;
  /** Called where a program turns to the host for any reason. */
  readonly #outside: () => void;
  /** The host writes no table, as the kernel does not. */
  readonly #handsOff: boolean;

  constructor(module: Module, outside: () => void, handsOff = false) {
    this.#module = module;
    this.#outside = outside;
    this.#handsOff = handsOff;
  }

  /** How far it is, for `resume`. */
  get place(): number {
    return this.#innerCalls;
  }

  /** Goes on from the place of another, or again from its own, as if nothing was said. */
  resume(place: number): void {
    this.#innerCalls = place;
    this.lines.length = 0;
  }

  say(line: string): void {
    if (this.lines.length < LINES_MAX) this.lines.push(line);
    if (isExhaustion(line)) this.exhausted = true;
  }

  imports(): Record<string, Record<string, unknown>> {
    const given: Record<string, Record<string, unknown>> = {};
    for (const item of this.#module.imports) {
      given[item.module] ??= {};
      given[item.module]![item.name] =
        item.kind === 'function'
          ? this.#function(item.name, this.#module.types[item.type]!.results)
          : item.kind === 'global'
            ? global(item.type, item.mutable)
            : item.kind === 'tag'
              ? tag(item.name)
              : undefined;
    }
    return given;
  }

  #function(name: string, results: readonly string[]): (...args: unknown[]) => unknown {
    return (...args) => {
      this.#outside();
      this.say(`${name} ${args.map(shown).join()}`);
      switch (name) {
        case 'throw':
          if (args[0] === 0) throw new Error('from outside');
          throw new WebAssembly.Exception(tag('wasmtag') as never, [args[0]] as never);
        case 'table-get':
          return (this.exports['table'] as WebAssembly.Table).get((args[0] as number) >>> 0);
        case 'table-set':
          if (this.#handsOff) return undefined;
          return (this.exports['table'] as WebAssembly.Table).set((args[0] as number) >>> 0, args[1]);
        case 'call-export':
          return this.#inner(Object.values(this.exports)[args[0] as number], false);
        case 'call-export-catch':
          return this.#inner(Object.values(this.exports)[args[0] as number], true);
        case 'call-ref':
          return this.#inner(args[0], false);
        case 'call-ref-catch':
          return this.#inner(args[0], true);
        default:
          return results.length === 0 ? undefined : name === 'sleep' ? args[1] : zero(results[0]!);
      }
    };
  }

  #inner(target: unknown, caught: boolean): number {
    if (++this.#innerCalls > INNER_CALLS_MAX) return 0;
    try {
      if (typeof target === 'function') this.say(shown(target(...new Array(target.length).fill(0))));
      return 0;
    } catch (error) {
      if (!caught || error instanceof RangeError) throw error;
      this.say(failure(error));
      return 1;
    }
  }

  /** Calls every exported function, then looks at what is left. */
  visit(memories: readonly WebAssembly.Memory[]): void {
    this.call(0);
    if (!this.exhausted) this.look(memories);
  }

  /** Calls the exports from number `from` up to, not including, `to`. */
  call(from: number, to?: number): void {
    for (const { name, kind, index } of this.#module.exports.slice(from, to)) {
      if (this.exhausted) return;
      if (kind !== 0) continue;
      const { params } = this.#module.types[this.#module.functions[index]!]!;
      try {
        this.say(`${name}: ${shown((this.exports[name] as (...args: unknown[]) => unknown)(...params.map(zero)))}`);
      } catch (error) {
        this.say(`${name}: ${failure(error)}`);
      }
    }
  }

  /** Says what is in globals and memories. */
  look(memories: readonly WebAssembly.Memory[]): void {
    for (const [name, item] of Object.entries(this.exports)) {
      if (!(item instanceof WebAssembly.Global)) continue;
      try {
        this.say(`${name} = ${shown(item.value)}`);
      } catch {
        // JavaScript cannot read a vector or an exception.
      }
    }
    for (const [index, memory] of memories.entries()) this.say(`memory ${index}: ${digest(memory)}`);
  }

  outcome(): Outcome {
    return { lines: this.lines, exhausted: this.exhausted, attended: this.attended };
  }
}

const digest = ({ buffer }: WebAssembly.Memory): string =>
  `${buffer.byteLength / PAGE} ${createHash('sha256').update(new Uint8Array(buffer)).digest('hex')}`;

const tags = new Map<string, unknown>();

function tag(name: string): unknown {
  const known =
    tags.get(name) ??
    (name === 'jstag' ? (WebAssembly as unknown as { JSTag: unknown }).JSTag : new WebAssembly.Tag({ parameters: ['i32'] }));
  tags.set(name, known);
  return known;
}

function global(type: string, mutable: boolean): unknown {
  const value = zero(type);
  if (type === 'i32' || type === 'i64' || type === 'f32' || type === 'f64') {
    return mutable ? new WebAssembly.Global({ value: type, mutable }, value) : value;
  }
  return mutable ? new WebAssembly.Global({ value: 'externref', mutable }, 'outside') : 'outside';
}

/** Instantiation runs other code in a rewritten module: only what kind of failure it is must be the same. */
export function instantiate(run: Run, make: () => Record<string, unknown>): boolean {
  try {
    run.exports = make();
    return true;
  } catch (error) {
    const line = failure(error);
    run.say(`start: ${line.startsWith('trap') || line.startsWith('range') ? line.split(':')[0] : line}`);
    if (isExhaustion(line)) run.exhausted = true;
    return false;
  }
}

function original(module: Module, bytes: Uint8Array): Outcome {
  const run = new Run(module, () => undefined);
  const compiled = new WebAssembly.Module(bytes as BufferSource);
  if (instantiate(run, () => new WebAssembly.Instance(compiled, run.imports() as WebAssembly.Imports).exports)) {
    run.visit(module.memories.map((_, index) => run.exports[`superos:memory${index}`] as WebAssembly.Memory));
  }
  return run.outcome();
}

function rewritten(
  module: Module,
  bytes: Uint8Array,
  ticker: Ticker,
  firing: Firing,
  random: Random,
  options: LoadOptions,
): Outcome {
  const foreign = [...new Set(module.imports.map((item) => item.module))];
  const loaded = load(bytes, { ...options, foreign });
  ticker.start(firing);
  const draw = () => ticker.set(firing === 'never' ? 0 : firing === 'always' ? 1 : random.next() & 1);
  draw();
  const run = new Run(module, draw);
  const memories = loaded.layout.memories.map(({ minimum, maximum, shared, address }) => {
    const size = (pages: number) => (address === 'i64' ? BigInt(pages) : pages) as number;
    return new WebAssembly.Memory({
      initial: size(minimum),
      ...(maximum !== undefined && { maximum: size(maximum) }),
      shared,
      address,
    });
  });
  const kernel: Record<string, unknown> = {
    epoch: ticker.epoch,
    wait: () => {
      run.attended++;
      ticker.set(firing === 'never' ? 0 : run.attended & 1);
      return 0;
    },
    allocate: () => {
      draw();
      return 0;
    },
    allocated: () => {
      draw();
      return random.below(256);
    },
    table_size: () => 1,
    stack_overflow: () => {},
    memory_grow: (index: number, delta: number) => {
      draw();
      const wide = loaded.layout.memories[index]!.address === 'i64';
      try {
        return Number(memories[index]!.grow((wide ? BigInt(delta >>> 0) : delta >>> 0) as number));
      } catch {
        return -1;
      }
    },
  };
  for (const [index, memory] of memories.entries()) kernel[`memory${index}`] = memory;
  const compiled = new WebAssembly.Module(loaded.bytes as BufferSource);
  const made = instantiate(run, () => {
    const { exports } = new WebAssembly.Instance(compiled, { ...run.imports(), [KERNEL_MODULE]: kernel } as WebAssembly.Imports);
    const { entry } = loaded.layout;
    if (entry !== undefined) (exports[entry] as () => void)();
    return Object.fromEntries(Object.entries(exports).filter(([name]) => name !== entry));
  });
  if (made) run.visit(memories);
  return run.outcome();
}

export function firstDifference(a: Outcome, b: Outcome): string | undefined {
  if (a.exhausted || b.exhausted) return undefined;
  const at = Math.max(a.lines.length, b.lines.length);
  for (let i = 0; i < at; i++) {
    if (a.lines[i] !== b.lines[i]) return `line ${i}: ${a.lines[i] ?? 'nothing'} | ${b.lines[i] ?? 'nothing'}`;
  }
  return undefined;
}

const LEGACY_TRY = 0x06;
const THROW_REF = 0x0a;
const TRY_TABLE = 0x1f;

/** Whether it has both old and new exceptions, which V8 refuses at times: it depends on which of its threads sees what. */
function mixesExceptions({ source, code }: Module): boolean {
  const seen = new Set<number>();
  const reader = new Reader(source, code.start, code.end);
  for (let left = code.count; left > 0; left--) {
    const end = reader.u32() + reader.position;
    let at = skipLocals(source, reader.position, end);
    for (; at < end; at = skipInstruction(source, at, end)) seen.add(source[at]!);
    reader.position = end;
  }
  return seen.has(LEGACY_TRY) && (seen.has(TRY_TABLE) || seen.has(THROW_REF));
}

/** V8's verdict on such a module, which is not always the same. */
export function refused(error: unknown): boolean {
  return error instanceof Error && /mix of legacy and new exception handling|does not say why/.test(error.message);
}

/** The program number `index` of a seed; undefined where V8 takes none made of its bytes. */
export async function program(
  fuzzer: Fuzzer,
  seed: number,
  index: number,
  more: readonly string[] = [],
): Promise<Uint8Array | undefined> {
  const random = new Random((seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0);
  const length = 32 + random.below(SEED_BYTES_MAX);
  const bytes = Uint8Array.from({ length }, () => random.next());
  // NaN bits are not determined: they go.
  for (const flags of [[], ['--translate-to-exnref']]) {
    const made = await fuzzer.generate(bytes, [...flags, ...more, '--denan']);
    if (!WebAssembly.validate(made as BufferSource)) continue;
    const module = parse(made);
    if (!mixesExceptions(module)) return expose(made, module);
  }
  return undefined;
}

const FIRINGS: readonly Firing[] = ['never', 'always', 'random'];

/** Runs `count` programs from number `first` on. */
export async function differential(
  seed: number,
  count: number,
  options: { readonly first?: number; readonly load?: LoadOptions; readonly progress?: (done: number) => void } = {},
): Promise<Report> {
  using fuzzer = new Fuzzer();
  await using ticker = new Ticker();
  const differences: string[] = [];
  const report = { modules: 0, refused: 0, calls: 0, traps: 0, exhausted: 0, attended: 0 };
  const first = options.first ?? 0;
  for (let index = first; index < first + count; index++) {
    const bytes = await program(fuzzer, seed, index);
    options.progress?.(index - first);
    if (bytes === undefined) {
      report.refused++;
      continue;
    }
    const module = parse(bytes);
    let expected: Outcome;
    try {
      expected = original(module, bytes);
    } catch (error) {
      if (!refused(error)) throw error;
      report.refused++;
      continue;
    }
    report.modules++;
    report.calls += expected.lines.length;
    report.traps += expected.lines.filter((line) => line.includes('trap: ')).length;
    if (expected.exhausted) report.exhausted++;
    for (const firing of FIRINGS) {
      let got: Outcome;
      try {
        got = rewritten(module, bytes, ticker, firing, new Random(index), options.load ?? {});
      } catch (error) {
        if (!refused(error)) throw error;
        report.refused++;
        continue;
      }
      report.attended += got.attended;
      const difference = firstDifference(expected, got);
      if (difference !== undefined) differences.push(`seed ${seed}, program ${index}, epoch ${firing}: ${difference}`);
    }
  }
  return { ...report, differences };
}
