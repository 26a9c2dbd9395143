import { describe, expect, test } from 'vitest';
import { LoadError, load } from '../../src/runtime/loader.ts';
import { Section } from '../../src/runtime/module.ts';
import { parse } from '../../src/runtime/parse.ts';
import { Writer } from '../../src/runtime/writer.ts';
import { LEGACY_SAMPLE, SAMPLE } from './sample.ts';
import { wat } from './tools.ts';

/** Runs `action`, which may throw nothing but LoadError with a message of one line. */
function survives(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof LoadError) || error.message.includes('\n')) throw error;
    return false;
  }
}

/** Numbers from 0 to 2^32 - 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const INTERESTING = [0x00, 0x01, 0x40, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

function mutate(source: Uint8Array, next: () => number): Uint8Array {
  const bytes = source.slice();
  for (let left = 1 + (next() % 4); left > 0; left--) {
    bytes[next() % bytes.length] = next() & 1 ? next() & 0xff : INTERESTING[next() % INTERESTING.length]!;
  }
  return bytes;
}

/** As V8 accepts it, so the loader must: what it writes is valid. */
function rewrites(source: Uint8Array): void {
  if (!survives(() => load(source))) return;
  expect(WebAssembly.validate(load(source).bytes as BufferSource)).toBe(true);
}

describe('hostile bytes', () => {
  test('cut off at every byte', async () => {
    const source = await wat(SAMPLE);
    for (let length = 0; length < source.length; length++) {
      rewrites(source.subarray(0, length));
      survives(() => length >= 8 && parse(source.subarray(0, length)));
    }
  });

  test.each([
    ['sample', SAMPLE],
    ['legacy exceptions', LEGACY_SAMPLE],
  ])('mutated: load throws LoadError or gives a valid module: %s', async (_name, text) => {
    const source = await wat(text);
    const next = random(1);
    for (let run = 0; run < 5000; run++) rewrites(mutate(source, next));
  });

  test('mutated: the reader needs no V8 before it to be safe', async () => {
    const source = await wat(SAMPLE);
    const next = random(2);
    for (let run = 0; run < 20_000; run++) survives(() => parse(mutate(source, next)));
  });

  test('what V8 accepts of a mutated module, the loader knows', async () => {
    const source = await wat(SAMPLE);
    const next = random(3);
    let accepted = 0;
    for (let run = 0; run < 20_000; run++) {
      const bytes = mutate(source, next);
      if (!WebAssembly.validate(bytes as BufferSource)) continue;
      accepted++;
      expect(() => load(bytes)).not.toThrow(expect.objectContaining({ code: 'malformed' }));
    }
    expect(accepted).toBeGreaterThan(100);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 9, 10, 11])('section %i that declares 2^32 - 1 items', (id) => {
    const section = new Writer().u32(0xffff_ffff).u32(0);
    const bytes = new Writer()
      .raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
      .u8(id)
      .sized(section)
      .result();
    // Element segments are read when they are written.
    if (id !== Section.element) expect(survives(() => parse(bytes))).toBe(false);
    expect(survives(() => load(bytes))).toBe(false);
  });

  test('nesting as deep as a function allows needs no stack of ours', async () => {
    const depth = 100_000;
    const blocks = new Uint8Array(2 * depth).fill(0x40).map((byte, i) => (i % 2 ? byte : 0x02));
    const body = new Writer()
      .u8(0)
      .raw(blocks)
      .raw(new Uint8Array(depth + 1).fill(0x0b));
    const code = new Writer().u8(1).sized(body);
    const source = new Writer().raw(await wat('(func)'));
    const bytes = source.result().slice(0, source.length);
    const at = bytes.indexOf(10, 8);
    const module = new Writer().raw(bytes.subarray(0, at)).u8(10).sized(code).result().slice();
    rewrites(module);
    expect(survives(() => load(module))).toBe(true);
  });

  test('a million element segments of one module do not become a million objects', () => {
    const count = 1_000_000;
    const segments = new Uint8Array(3 * count).map((_, i) => (i % 3 === 0 ? 1 : 0));
    const section = new Writer().u32(count).raw(segments);
    const bytes = new Writer()
      .raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
      .u8(9)
      .sized(section)
      .result()
      .slice();
    expect([...load(bytes).bytes]).toHaveLength(bytes.length);
  });

  test('wide types of many imports and exports do not multiply', async () => {
    const params = 'i64 '.repeat(1000);
    const imports = '(import "a" "b" (func (type $t)))'.repeat(5000);
    const exports = Array.from({ length: 20_000 }, (_, i) => `(export "${i}" (func 0))`).join('');
    const source = await wat(`(type $t (func (param ${params}))) ${imports} ${exports}`);
    const { bytes, layout } = load(source);
    expect(bytes.length).toBeLessThan(2 * source.length);
    expect(layout.functions.some(({ lowered }) => lowered)).toBe(false);
    expect(JSON.stringify(layout.exports).length).toBeLessThan(20 * source.length);
  });
});
