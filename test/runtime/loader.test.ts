import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LoadError, load } from '../../src/runtime/loader.ts';
import { LOADER_VERSION } from '../../src/runtime/version.ts';
import { LEGACY_SAMPLE, SAMPLE } from './sample.ts';
import { wat } from './tools.ts';

function failure(source: Uint8Array): LoadError {
  try {
    load(source);
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

describe('load', () => {
  test('legacy exceptions validate, rewritten', async () => {
    expect(WebAssembly.validate(load(await wat(LEGACY_SAMPLE)).bytes as BufferSource)).toBe(true);
  });

  test('the sample validates, rewritten', async () => {
    const { bytes, layout } = load(await wat(SAMPLE));
    expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    expect(JSON.parse(JSON.stringify(layout))).toEqual(layout);
    expect(layout.globals).toEqual([{ module: 'env', name: 'global', type: 'i32', mutable: false }]);
    expect(layout.tables.map(({ element }) => element)).toEqual(['funcref', '(ref null 1)', 'anyref', '(ref 1)']);
    expect(layout.exports.map(({ name, kind }) => [name, kind])).toEqual([
      ['call', 'function'],
      ['main', 'function'],
      ['memory', 'memory'],
      ['counter', 'global'],
    ]);
    expect(layout.exports[1]).toMatchObject({ params: ['i64'], results: ['i32'] });
  });

  test('the same bytes give the same result', async () => {
    const source = await wat(SAMPLE);
    expect(load(source)).toEqual(load(source.slice()));
  });

  test('the version changes with the output', async () => {
    const source = await wat(SAMPLE);
    const hash = createHash('sha256');
    for (const { bytes, layout } of [load(source), load(source, { snapshot: true })])
      hash.update(bytes).update(JSON.stringify(layout));
    const digest = hash.digest('hex').slice(0, 16);
    // Where this fails, what the code cache holds is stale: change LOADER_VERSION, then the digest.
    expect({ version: LOADER_VERSION, digest }).toEqual({ version: '18', digest: '0b71bd9e57e86590' });
  });

  test('an empty module', () => {
    const { bytes, layout } = load(Uint8Array.from(HEADER));
    expect([...bytes]).toEqual(HEADER);
    expect(layout).toEqual({ functions: [], memories: [], tables: [], globals: [], tags: [], exports: [], preempt: false });
  });

  test('exported functions and memories keep their kinds, and indices are those of the rewritten module', async () => {
    const { layout } = load(await wat('(import "s" "f" (func $f)) (func $g) (export "f" (func $f)) (export "g" (func $g))'));
    // 0: import, 1: wait, 2: g, 3: stub of f
    expect(layout.exports.map(({ name, index }) => [name, index])).toEqual([
      ['f', 3],
      ['g', 2],
    ]);
  });

  test('tags and their types', async () => {
    const { layout } = load(await wat('(import "m" "t" (tag (param i32 externref)))'));
    expect(layout.tags).toEqual([{ module: 'm', name: 't', params: ['i32', 'externref'] }]);
  });

  test('bytes on shared memory are copied before they are judged', async () => {
    const source = await wat(SAMPLE);
    const shared = new Uint8Array(new SharedArrayBuffer(source.length));
    shared.set(source);
    expect(load(shared)).toEqual(load(source));
  });
});

describe('refused', () => {
  test.each([
    ['nothing', []],
    ['text', [...Buffer.from('(module)')]],
    ['an ELF file', [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]],
    ['a header cut short', HEADER.slice(0, 6)],
    ['a wrong version', [0x00, 0x61, 0x73, 0x6d, 0x02, 0x00, 0x00, 0x00]],
    ['a section beyond the end', [...HEADER, 1, 100]],
  ])('%s: one line of V8', (_what, bytes) => {
    const error = failure(Uint8Array.from(bytes));
    expect(error.code).toBe('invalid-module');
    expect(error.message).toMatch(/^(?!WebAssembly\.Module)[^\n]+$/);
  });

  test('a component says what it is', () => {
    expect(failure(Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]))).toMatchObject({
      code: 'component',
      message: expect.stringContaining('component'),
    });
  });

  test.each(['(func)', '(memory 1)', '(global i32)', '(table 1 funcref)', '(tag)'])(
    'an import of %s from the kernel',
    async (item) => {
      expect(failure(await wat(`(import "superos:kernel" "wait" ${item})`)).code).toBe('reserved-import');
    },
  );

  test('more imports or exports than any program has', async () => {
    const imports = await wat('(import "a" "b" (func))'.repeat(10_001));
    expect(failure(imports)).toMatchObject({ code: 'too-large', message: expect.stringContaining('10001 imports') });
    const names = Array.from({ length: 100_001 }, (_, i) => `(export "${i}" (func 0))`).join('');
    expect(failure(await wat(`(func) ${names}`)).code).toBe('too-large');
  });
});

describe('real programs', () => {
  const root = new URL('../../node_modules/', import.meta.url);
  const paths = ['@rivet-dev/agent-os-*/wasm/*', '@ruby/4.0-wasm-wasi/dist/ruby.wasm'].flatMap((pattern) =>
    globSync(pattern, { cwd: root.pathname }),
  );

  test('there are some', () => {
    expect(paths.length).toBeGreaterThan(100);
  });

  test.each(paths)('%s', (path) => {
    const { bytes, layout } = load(readFileSync(new URL(path, root)));
    expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    expect(layout.functions.filter(({ lowered }) => !lowered)).toEqual([]);
  });
});
