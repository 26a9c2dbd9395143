import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/hal/utf8.ts';
import { load } from '../../src/runtime/loader.ts';
import { Reader } from '../../src/runtime/reader.ts';
import { Writer } from '../../src/runtime/writer.ts';
import { custom, wat } from './tools.ts';

type Names = Record<number, string>;

function nameMap(reader: Reader): Names {
  const names: Names = {};
  for (let left = reader.count(); left > 0; left--) names[reader.u32()] = reader.name();
  return names;
}

interface NameSection {
  module?: string;
  functions?: Names;
  locals?: Record<number, Names>;
  labels?: Record<number, Names>;
  others: number[];
}

function names(bytes: Uint8Array): NameSection | undefined {
  const content = custom(bytes, 'name');
  if (content === undefined) return undefined;
  const reader = new Reader(content);
  const section: NameSection = { others: [] };
  while (!reader.done) {
    const id = reader.u8();
    const part = reader.sub(reader.u32());
    const indirect = () => {
      const maps: Record<number, Names> = {};
      for (let left = part.count(); left > 0; left--) maps[part.u32()] = nameMap(part);
      return maps;
    };
    if (id === 0) section.module = part.name();
    else if (id === 1) section.functions = nameMap(part);
    else if (id === 2) section.locals = indirect();
    else if (id === 3) section.labels = indirect();
    else section.others.push(id);
  }
  return section;
}

function withCustom(module: Uint8Array, name: string, content: Uint8Array): Uint8Array {
  const section = new Writer().name(name).raw(content);
  return new Writer().raw(module).u8(0).sized(section).result().slice();
}

const NAMED = `$program (import "wasi" "fd_write" (func $write (param i32) (result i32)))
  (import "js" "text" (func $text (param externref))) (memory $m 1)
  (func $first (param $x i32) (local $y i32) (block $here (loop $there)))
  (func (export "second") (result i32) (call $write (i32.const 0)))
  (func $third (param $z f32))`;

describe('name section', () => {
  test('names follow their functions; imports, stubs and helpers have names', async () => {
    const { bytes } = load(await wat(NAMED));
    // 0, 1: imports. 2, 3: memory_grow and wait. 4, 5, 6: first, second, third. Then helper and stub.
    expect(names(bytes)).toEqual({
      module: 'program',
      functions: {
        0: 'write',
        1: 'text',
        2: 'superos.memory_grow',
        3: 'superos.wait',
        4: 'first',
        6: 'third',
        7: 'superos.memory.grow 0',
        8: 'wasi.fd_write',
      },
      locals: { 4: { 0: 'x', 1: 'y' }, 6: { 0: 'z' } },
      labels: { 4: { 0: 'here', 1: 'there' } },
      others: [6],
    });
  });

  test('a trap in a stub says which call it was', async () => {
    const source = await wat('(import "wasi" "exit" (func $e)) (func $run (export "run") (call $e))');
    const module = new WebAssembly.Module(load(source).bytes as BufferSource);
    const { exports } = new WebAssembly.Instance(module, {
      wasi: { exit: () => -1 },
      'superos:kernel': { wait: () => Number.NaN },
    });
    const { run } = exports as { run: () => void };
    expect(() => run()).toThrow(expect.objectContaining({ stack: expect.stringMatching(/wasi\.exit[\s\S]*run/) }));
  });

  test('a module without names gets those of what was added', async () => {
    const { bytes } = load(await wat('(memory 1)'));
    expect(names(bytes)?.functions).toEqual({ 0: 'superos.memory_grow', 1: 'superos.memory.grow 0' });
  });

  test('nothing added, nothing named: no section', async () => {
    expect(names(load(await wat('(func)')).bytes)).toBeUndefined();
  });

  test.each([
    ['a length beyond the section', [1, 5, 1, 0, 9, 97]],
    ['an index out of range', [1, 4, 1, 50, 1, 97]],
    ['indices out of order', [1, 7, 2, 1, 1, 97, 0, 1, 98]],
    ['a subsection twice', [1, 1, 0, 1, 1, 0]],
    ['a count that is too large', [1, 2, 0xff, 0x7f]],
    ['an integer without end', [1, 0x80, 0x80]],
  ])('malformed: %s: dropped, only what was added is named', async (_what, content) => {
    const source = withCustom(await wat('(memory 1) (func) (func)'), 'name', Uint8Array.from(content));
    expect(names(load(source).bytes)).toEqual({
      functions: { 0: 'superos.memory_grow', 3: 'superos.memory.grow 0' },
      others: [],
    });
  });
});

/** Bodies of the code section. */
function bodies(bytes: Uint8Array): Uint8Array[] {
  const reader = new Reader(bytes, 8);
  while (!reader.done) {
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    if (id === 10) return Array.from({ length: section.count() }, () => section.slice(section.u32()));
  }
  return [];
}

type Hints = Record<number, { offset: number; likely: boolean }[]>;

function hints(bytes: Uint8Array): Hints | undefined {
  const content = custom(bytes, 'metadata.code.branch_hint');
  if (content === undefined) return undefined;
  const reader = new Reader(content);
  const found: Hints = {};
  for (let left = reader.count(); left > 0; left--) {
    const index = reader.u32();
    found[index] = Array.from({ length: reader.count() }, () => {
      const offset = reader.u32();
      expect(reader.u32()).toBe(1);
      return { offset, likely: reader.u8() === 1 };
    });
  }
  return found;
}

const IF = 0x04;
const BR_IF = 0x0d;

describe('branch hints', () => {
  test('follow their instructions, and stubs bring their own', async () => {
    // Every call grows from two bytes to three, because its target moves beyond 127.
    const fillers = '(func)'.repeat(130);
    const calls = '(call $last)'.repeat(40);
    const { bytes } = load(
      await wat(`(import "s" "f" (func $f (result i32))) (memory 1) (func $hinted (local i32)
        ${calls} (block (@metadata.code.branch_hint "\\01") (br_if 0 (call $f)))
        ${calls} (drop (memory.grow (i32.const 1))) (@metadata.code.branch_hint "\\00") (if (call $f) (then)))
        ${fillers} (func $last)`),
    );
    const found = hints(bytes)!;
    const code = bodies(bytes);
    const importCount = 3; // f, memory_grow, wait
    const [first, second] = found[importCount]!;
    expect([code[0]![first!.offset], first!.likely]).toEqual([BR_IF, true]);
    expect([code[0]![second!.offset], second!.likely]).toEqual([IF, false]);
    const stub = importCount + code.length - 1;
    expect(found[stub]!.map(({ offset, likely }) => [code.at(-1)![offset], likely])).toEqual([
      [IF, false],
      [IF, false],
    ]);
    expect(Object.keys(found)).toEqual([String(importCount), String(stub)]);
  });

  test('the section stands before the code', async () => {
    const { bytes } = load(await wat('(import "s" "f" (func))'));
    const ids: string[] = [];
    const reader = new Reader(bytes, 8);
    while (!reader.done) {
      const id = reader.u8();
      const section = reader.sub(reader.u32());
      ids.push(id === 0 ? section.name() : String(id));
    }
    expect(ids).toEqual(['1', '2', '3', 'metadata.code.branch_hint', '10', 'name']);
  });

  test.each([
    ['an unknown function', [1, 90, 1, 2, 1, 0]],
    ['an import', [1, 0, 1, 2, 1, 0]],
    ['a value that is no hint', [1, 1, 1, 2, 1, 7]],
    ['offsets out of order', [1, 1, 2, 2, 1, 0, 2, 1, 0]],
    ['the end', [1, 1, 1]],
  ])('malformed: %s: dropped', async (_what, content) => {
    const source = await wat('(import "s" "f" (func)) (func (if (i32.const 1) (then)))');
    const before = new Writer().raw(source.subarray(0, 8));
    const section = new Writer().name('metadata.code.branch_hint').raw(Uint8Array.from(content));
    const { bytes } = load(before.u8(0).sized(section).raw(source.subarray(8)).result().slice());
    expect(Object.keys(hints(bytes)!)).toEqual(['3']); // the stub
  });

  test('a hint at no instruction is left out', async () => {
    const source = await wat('(func (if (i32.const 300) (then)) (if (i32.const 1) (then)))');
    const at = bodies(source)[0]!.lastIndexOf(IF);
    const content = Uint8Array.from([1, 0, 2, 3, 1, 0, at, 1, 1]);
    const section = new Writer().name('metadata.code.branch_hint').raw(content);
    const { bytes } = load(new Writer().raw(source.subarray(0, 8)).u8(0).sized(section).raw(source.subarray(8)).result().slice());
    expect(hints(bytes)).toEqual({ 0: [{ offset: at, likely: true }] });
  });
});

describe('other custom sections', () => {
  test.each([
    ['producers', true],
    ['target_features', true],
    ['dylink.0', true],
    ['.debug_info', false],
    ['.debug_line', false],
    ['sourceMappingURL', false],
    ['linking', false],
    ['reloc.CODE', false],
    ['metadata.code.trace_inst', false],
    ['anything', false],
  ])('%s: kept %s', async (name, kept) => {
    const content = encodeUtf8('content');
    const { bytes } = load(withCustom(await wat('(memory 1)'), name, content));
    expect(custom(bytes, name)).toEqual(kept ? content : undefined);
  });
});
