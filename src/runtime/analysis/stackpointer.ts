// Where a module keeps its stack in linear memory: which global is the stack pointer of clang, rustc and other compilers over LLVM, and
// the bounds of the stack. What is not certain is said to be so; nothing here is a guess that a check could rest on wrongly.

import { LoadError } from '../errors.ts';
import { readSigned } from '../immediates.ts';
import type { Module } from '../module.ts';
import { Op } from '../opcodes.ts';
import { Reader } from '../reader.ts';
import { readGlobalType } from '../types.ts';
import type { Scan } from './scan.ts';
import { isLowered, type StackWrites, stackWrites } from './stackwrites.ts';

export interface Stack {
  /** Index of the stack pointer among the globals, which a rewritten module does not change. */
  readonly global: number;
  /** What told that it is the stack pointer. */
  readonly by: 'name' | 'export' | 'shape';
  /** The stack grows from `high`, the stack pointer's first value, down to `low`. */
  readonly high: number;
  readonly low: number;
  /** False: the stack may end above `low`, below data that is zero at first and has no segment. */
  readonly exact: boolean;
}

export interface FoundStack {
  readonly stack: Stack;
  /** Looks at all functions. */
  readonly writes: () => StackWrites;
}

const GLOBAL = 3;
const NAMED_GLOBALS = 7;
const PAGE_BYTES = 65_536;
/** Other languages put their names for the same under a path. */
const PATH = /^~lib\/memory\//;
/** Candidates looked at where no name tells. */
const CANDIDATES_MAX = 4;
const ALIGNMENT = 16;

interface Constant {
  readonly index: number;
  readonly mutable: boolean;
  readonly value: number;
}

/** The module's own i32 globals with a constant value at first. */
function constants({ source, imports, globals }: Module): Constant[] {
  const first = imports.reduce((count, { kind }) => count + (kind === 'global' ? 1 : 0), 0);
  return globals.flatMap(({ declaration, expression }, i) => {
    const { type, mutable } = readGlobalType(new Reader(source, declaration.start, declaration.end));
    if (type !== 'i32' || source[expression.start] !== Op.i32Const) return [];
    const end = new Reader(source, expression.start + 1, expression.end);
    while (end.u8() > 0x7f);
    if (end.peek() !== Op.end) return [];
    return [{ index: first + i, mutable, value: readSigned(source, expression.start + 1) >>> 0 }];
  });
}

type Names = Map<string, number>;

/** The globals that the `name` section names. A malformed one names nothing. */
function namedGlobals({ source, customs }: Module): Names {
  const names: Names = new Map();
  const section = customs.find(({ name }) => name === 'name');
  if (section === undefined) return names;
  try {
    const reader = new Reader(source, section.content, section.end);
    while (!reader.done) {
      const id = reader.u8();
      const part = reader.sub(reader.u32());
      if (id !== NAMED_GLOBALS) continue;
      for (let left = part.count(2); left > 0; left--) {
        const index = part.u32();
        names.set(part.name().replace(PATH, ''), index);
      }
    }
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
  }
  return names;
}

function exportedGlobals({ exports }: Module): Names {
  return new Map(exports.filter(({ kind }) => kind === GLOBAL).map(({ name, index }) => [name, index]));
}

/** Ranges of the first memory that segments fill; undefined where code decides. */
export function filled({ source, data }: Module): readonly (readonly [number, number])[] | undefined {
  const ranges: [number, number][] = [];
  for (const { target, size } of data) {
    if (target === undefined) return undefined;
    if (target.memory !== 0 || size === 0) continue;
    const { start, end } = target.offset;
    if (source[start] !== Op.i32Const) return undefined;
    const reader = new Reader(source, start + 1, end);
    while (reader.u8() > 0x7f);
    if (reader.peek() !== Op.end) return undefined;
    const from = readSigned(source, start + 1) >>> 0;
    ranges.push([from, from + size]);
  }
  return ranges;
}

type Bounds = Pick<Stack, 'low' | 'high' | 'exact'>;

/** Bounds of the stack whose pointer starts at `initial`. */
function boundsOf(module: Module, initial: number, known: (name: string) => number | undefined): Bounds {
  const [low, high, dataEnd] = ['__stack_low', '__stack_high', '__data_end'].map(known);
  if (low !== undefined && high === initial && low < high) return { low, high, exact: true };
  const ranges = filled(module);
  const below = ranges?.filter(([from]) => from < initial) ?? [];
  if (ranges !== undefined && ranges.length > 0 && below.length === 0) return { low: 0, high: initial, exact: true };
  if (dataEnd !== undefined && dataEnd < initial) {
    const aligned = Math.ceil(dataEnd / ALIGNMENT) * ALIGNMENT;
    return { low: Math.min(aligned, initial), high: initial, exact: true };
  }
  const end = Math.max(0, ...below.map(([, to]) => to));
  // Data that reaches beyond the pointer's first value: the pointer is in the middle of it, and nothing is known.
  return { low: end > initial ? 0 : end, high: initial, exact: false };
}

/** The stack of a module, and the writes of its stack pointer; or why there is none that could be guarded. */
export function findStack(module: Module, scan: Scan): FoundStack | string {
  const memory = module.memories[0];
  if (memory === undefined) return 'the module has no memory';
  if (memory.address === 'i64') return 'stacks in memories of 64-bit addresses are not known';
  const all = constants(module);
  const named = namedGlobals(module);
  const exported = exportedGlobals(module);
  const known = (name: string) => {
    const index = exported.get(name) ?? named.get(name);
    return all.find((one) => one.index === index)?.value;
  };
  const bytes = memory.minimum * PAGE_BYTES;
  const fits = all.filter(({ mutable, value }) => mutable && value > 0 && value <= bytes && value % ALIGNMENT === 0);
  const found = (global: Constant, by: Stack['by']): FoundStack => ({
    stack: { global: global.index, by, ...boundsOf(module, global.value, known) },
    writes: () => stackWrites(module, scan, global.index),
  });
  for (const [by, names] of [
    ['name', named],
    ['export', exported],
  ] as const) {
    const index = names.get('__stack_pointer');
    const global = fits.find((one) => one.index === index);
    if (global !== undefined) return found(global, by);
  }
  for (const candidate of fits.slice(0, CANDIDATES_MAX)) {
    if (isLowered(module, scan, candidate.index)) return found(candidate, 'shape');
  }
  return 'no global is decreased and restored by functions as a stack pointer is';
}
