// Generated programs that are stopped half-way: a clone made there goes on as the original does, and an instance that may be recycled
// does it once more when it is put back.

import { isDeepStrictEqual } from 'node:util';
import { KERNEL_MODULE, type Layout, load } from '../../src/runtime/loader.ts';
import type { Module } from '../../src/runtime/module.ts';
import { parse } from '../../src/runtime/parse.ts';
import { capture, resetter, restore } from '../../src/runtime/snapshot.ts';
import { decodeSnapshot, encodeSnapshot } from '../../src/runtime/snapshot-file.ts';
import { firstDifference, instantiate, type Outcome, program, Run, refused } from './differential.ts';
import { Fuzzer } from './fuzzer.ts';

const PROGRAM = 'generated';

interface CloningReport {
  readonly programs: number;
  readonly captured: number;
  readonly recycled: number;
  /** Lines compared. */
  readonly lines: number;
  /** Why programs could not be captured, without numbers. */
  readonly reasons: ReadonlyMap<string, number>;
  readonly differences: readonly string[];
}

interface Linked {
  readonly instance: WebAssembly.Instance;
  readonly memories: readonly WebAssembly.Memory[];
}

/** Instantiates for `run`, with memories that hold `contents`. The entry is the caller's. */
function link(compiled: WebAssembly.Module, layout: Layout, run: Run, contents?: readonly Uint8Array[]): Linked {
  const memories = layout.memories.map(({ minimum, maximum, shared, address }, i) => {
    const size = (pages: number) => (address === 'i64' ? BigInt(pages) : pages) as number;
    const content = contents?.[i];
    const memory = new WebAssembly.Memory({
      initial: size(content ? content.length / 65_536 : minimum),
      ...(maximum !== undefined && { maximum: size(maximum) }),
      shared,
      address,
    });
    if (content) new Uint8Array(memory.buffer).set(content);
    return memory;
  });
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const kernel: Record<string, unknown> = {
    epoch,
    wait: () => 0,
    allocate: () => 0,
    allocated: () => 4096,
    table_size: () => 1,
    stack_offset: () => 0,
    stack_overflow: () => undefined,
    memory_grow: (index: number, delta: number) => {
      const wide = layout.memories[index]!.address === 'i64';
      try {
        return Number(memories[index]!.grow((wide ? BigInt(delta >>> 0) : delta >>> 0) as number));
      } catch {
        return -1;
      }
    },
  };
  for (const [index, memory] of memories.entries()) kernel[`memory${index}`] = memory;
  const instance = new WebAssembly.Instance(compiled, { ...run.imports(), [KERNEL_MODULE]: kernel } as WebAssembly.Imports);
  const { snapshot, entry } = layout;
  const prefix = typeof snapshot === 'object' ? `${snapshot.prefix}.` : undefined;
  const own = Object.entries(instance.exports).filter(([name]) => name !== entry && !(prefix && name.startsWith(prefix)));
  run.exports = Object.fromEntries(own);
  return { instance, memories };
}

const contentsOf = ({ memories }: Linked): Uint8Array[] => memories.map(({ buffer }) => new Uint8Array(buffer).slice());

/** What came of one program. */
interface Case {
  readonly reason?: string;
  readonly recycled: boolean;
  readonly lines: number;
  readonly difference?: string | undefined;
}

interface CloningOptions {
  readonly always?: boolean;
  /** For the generator. */
  readonly flags?: readonly string[];
}

function compare(module: Module, bytes: Uint8Array, options: CloningOptions): Case {
  const foreign = [...new Set(module.imports.map((item) => item.module))];
  const { bytes: rewritten, layout } = load(bytes, { foreign, snapshot: true });
  const compiled = new WebAssembly.Module(rewritten as BufferSource);
  const before = new Run(module, () => undefined, true);
  let linked: Linked | undefined;
  const started = instantiate(before, () => {
    linked = link(compiled, layout, before);
    if (layout.entry !== undefined) (linked.instance.exports[layout.entry] as () => void)();
    return before.exports;
  });
  if (!started) return { reason: 'it does not start', recycled: false, lines: 0 };
  const first = linked!;
  const half = module.exports.length >> 1;
  before.call(0, half);
  if (before.exhausted) return { reason: 'it ran out of stack', recycled: false, lines: 0 };
  const snapshot = capture(first.instance, layout, PROGRAM);
  if (typeof snapshot === 'string') return { reason: snapshot.replaceAll(/\d+/g, 'N'), recycled: false, lines: 0 };
  const contents = contentsOf(first);

  const { place } = before;
  const goOn = (run: Run, { memories }: Linked): Outcome => {
    run.resume(place);
    run.call(half);
    run.look(memories);
    return { ...run.outcome(), lines: [...run.lines] };
  };
  const clone = new Run(module, () => undefined, true);
  const second = link(compiled, layout, clone, contents);
  const decoded = decodeSnapshot(encodeSnapshot(snapshot), PROGRAM);
  restore(second.instance, layout, decoded);
  if (!isDeepStrictEqual(capture(second.instance, layout, PROGRAM), snapshot))
    return { recycled: false, lines: 0, difference: 'the clone differs from what was captured' };
  const expected = goOn(before, first);
  const difference = firstDifference(expected, goOn(clone, second));
  const done = { recycled: false, lines: expected.lines.length, difference };
  const grew = second.memories.some(({ buffer }, i) => buffer.byteLength !== contents[i]!.length);
  if (difference !== undefined || clone.exhausted || grew || !(options.always || layout.recycle === true)) return done;
  resetter(second.instance, layout, decoded)();
  for (const [i, { buffer }] of second.memories.entries()) new Uint8Array(buffer).set(contents[i]!);
  return { ...done, recycled: true, difference: firstDifference(expected, goOn(clone, second)) };
}

/** Stops `count` programs half-way. With `always` also those are recycled that the loader refuses: some have to differ then. */
export async function cloning(seed: number, count: number, options: CloningOptions = {}): Promise<CloningReport> {
  using fuzzer = new Fuzzer();
  const report = { programs: 0, captured: 0, recycled: 0, lines: 0 };
  const reasons = new Map<string, number>();
  const differences: string[] = [];
  for (let index = 0; index < count; index++) {
    const bytes = await program(fuzzer, seed, index, options.flags);
    if (bytes === undefined) continue;
    let one: Case;
    try {
      one = compare(parse(bytes), bytes, options);
    } catch (error) {
      if (!refused(error)) throw error;
      continue;
    }
    report.programs++;
    report.lines += one.lines;
    if (one.reason === undefined) report.captured++;
    else reasons.set(one.reason, (reasons.get(one.reason) ?? 0) + 1);
    if (one.recycled) report.recycled++;
    if (one.difference !== undefined) differences.push(`seed ${seed}, program ${index}: ${one.difference}`);
  }
  return { ...report, reasons, differences };
}
