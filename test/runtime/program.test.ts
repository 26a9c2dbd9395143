import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CachedCode, CodeCache, ProgramSource } from '../../src/hal/cache.ts';
import { engine } from '../../src/hal/node/engine.ts';
import { LoadError } from '../../src/runtime/errors.ts';
import { loadProgram, Programs } from '../../src/runtime/program.ts';
import { wat } from './tools.ts';

/** A cache in memory that counts. */
class Memory implements CodeCache {
  readonly directory = undefined;
  readonly entries = new Map<string, CachedCode>();
  readonly index = new Map<string, string>();
  stores = 0;

  status() {
    return { directory: undefined, usable: true };
  }

  digest(bytes: Uint8Array) {
    return createHash('sha256').update(bytes).digest('hex');
  }

  findByIdentity(identity: string, variant: string) {
    return this.findByHash(this.index.get(`${variant} ${identity}`) ?? '', variant);
  }

  findByHash(hash: string, variant: string) {
    return this.entries.get(`${variant} ${hash}`);
  }

  store(code: CachedCode, variant: string) {
    this.stores++;
    this.entries.set(`${variant} ${code.hash}`, code);
  }

  remember(identity: string, variant: string, hash: string) {
    this.index.set(`${variant} ${identity}`, hash);
  }
}

class Source implements ProgramSource {
  readonly name = 'program.wasm';
  readonly bytes: Uint8Array;
  readonly identities: (string | undefined)[];
  reads = 0;

  /** Gives the identities one after the other, the last for ever. */
  constructor(bytes: Uint8Array, ...identities: (string | undefined)[]) {
    this.bytes = bytes;
    this.identities = identities;
  }

  identity() {
    return this.identities.length > 1 ? this.identities.shift() : this.identities[0];
  }

  read() {
    this.reads++;
    return this.bytes;
  }
}

const TEXT = '(memory 1) (data (i32.const 0) "x") (func (export "f"))';

describe('loadProgram', () => {
  test('bytes without a cache', async () => {
    const program = await loadProgram(await wat(TEXT));
    expect(program).toMatchObject({ name: 'wasm', hash: undefined, layout: { entry: 'superos:entry' } });
    expect(program.module).toBeInstanceOf(WebAssembly.Module);
  });

  test('the second time a file is not read', async () => {
    const cache = new Memory();
    const source = new Source(await wat(TEXT), 'same');
    const first = await loadProgram(source, cache);
    const second = await loadProgram(source, cache);
    expect(source.reads).toBe(1);
    expect(cache.stores).toBe(1);
    expect(second).toMatchObject({ name: first.name, layout: first.layout, hash: cache.digest(source.bytes) });
    expect(WebAssembly.Module.exports(second.module)).toEqual(WebAssembly.Module.exports(first.module));
  });

  test('the same bytes elsewhere are found by content, then by file', async () => {
    const cache = new Memory();
    const bytes = await wat(TEXT);
    await loadProgram(bytes, cache);
    const source = new Source(bytes, 'elsewhere');
    await loadProgram(source, cache);
    await loadProgram(source, cache);
    expect([cache.stores, source.reads]).toEqual([1, 1]);
  });

  test('a file that changed while it was read is not found by its old identity', async () => {
    const cache = new Memory();
    await loadProgram(new Source(await wat(TEXT), 'before', 'after'), cache);
    expect(cache.stores).toBe(1);
    expect(cache.index.size).toBe(0);
  });

  test('a file without identity is read every time', async () => {
    const cache = new Memory();
    const source = new Source(await wat(TEXT), undefined);
    await loadProgram(source, cache);
    await loadProgram(source, cache);
    expect([source.reads, cache.stores, cache.index.size]).toEqual([2, 1, 0]);
  });

  test('options are part of the key', async () => {
    const cache = new Memory();
    const bytes = await wat('(import "m" "f" (func))');
    const lowered = async (options?: { foreign: string[] }) =>
      (await loadProgram(bytes, cache, options)).layout.functions[0]!.lowered;
    expect([await lowered(), await lowered({ foreign: ['m'] }), await lowered()]).toEqual([true, false, true]);
    expect(cache.stores).toBe(2);
  });

  test('an entry that V8 refuses is made again', async () => {
    const cache = new Memory();
    const source = new Source(await wat(TEXT), 'file');
    await loadProgram(source, cache);
    for (const [key, code] of cache.entries) cache.entries.set(key, { ...code, bytes: Uint8Array.of(1, 2, 3) });
    expect((await loadProgram(source, cache)).module).toBeInstanceOf(WebAssembly.Module);
    expect([source.reads, cache.stores]).toEqual([2, 2]);
  });

  test('what cannot be loaded is not cached', async () => {
    const cache = new Memory();
    await expect(loadProgram(new Source(new Uint8Array(8), 'file'), cache)).rejects.toThrow(LoadError);
    expect([cache.stores, cache.index.size]).toEqual([0, 0]);
  });
});

describe('programs of a machine', () => {
  test('the same file is the same program while it is in use', async () => {
    const programs = new Programs(engine);
    const source = new Source(await wat(TEXT), 'file');
    const program = await programs.load(source);
    expect(await programs.load(source)).toBe(program);
    expect(source.reads).toBe(1);
    expect(await programs.load(source, { foreign: ['m'] })).not.toBe(program);
  });

  test('a file that is asked for again while it is loaded is loaded once; one that could not be loaded is tried again', async () => {
    const programs = new Programs(engine);
    const source = new Source(new Uint8Array(8), 'file');
    const first = await Promise.allSettled([programs.load(source), programs.load(source)]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(source.reads).toBe(1);
    source.bytes.set(await wat(TEXT).then((bytes) => bytes.subarray(0, 8)));
    const [one, other] = await Promise.all([programs.load(source), programs.load(source)]);
    expect(one).toBe(other);
    expect(source.reads).toBe(2);
  });

  test('a changed file, and bytes, are loaded anew', async () => {
    const programs = new Programs(engine);
    const bytes = await wat(TEXT);
    const program = await programs.load(new Source(bytes, 'before'));
    expect(await programs.load(new Source(bytes, 'after'))).not.toBe(program);
    expect(await programs.load(bytes)).not.toBe(await programs.load(bytes));
  });

  test('a file that changes while it is read is not remembered', async () => {
    const programs = new Programs(engine);
    const bytes = await wat(TEXT);
    const program = await programs.load(new Source(bytes, 'before', 'before', 'after'));
    expect(await programs.load(new Source(bytes, 'before'))).not.toBe(program);
  });
});
