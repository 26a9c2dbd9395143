import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DiskCache } from '../../src/hal/node/cache.ts';
import { fileSource } from '../../src/hal/node/program-file.ts';

const VARIANT = '1 {}';
const BYTES = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
const root = process.getuid?.() === 0;

let home: string;
let directory: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'superos-cache-'));
  directory = join(home, 'superos', 'code');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

function entries(prefix: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith(prefix));
}

/** A cache with one entry, known by the identity `file`. */
function filled(): { cache: DiskCache; hash: string; path: string } {
  const cache = new DiskCache({ directory });
  const hash = cache.digest(BYTES);
  cache.store({ hash, layout: '{"a":1}', bytes: BYTES }, VARIANT);
  cache.remember('file', VARIANT, hash);
  return { cache, hash, path: join(directory, entries('code-')[0]!) };
}

describe('code cache', () => {
  test('gives back what was stored, by content and by file', () => {
    const { cache, hash } = filled();
    for (const found of [
      cache.findByHash(hash, VARIANT),
      cache.findByIdentity('file', VARIANT),
      new DiskCache({ directory }).findByHash(hash, VARIANT),
    ]) {
      expect(found).toMatchObject({ hash, layout: '{"a":1}' });
      expect(Buffer.from(found!.bytes).equals(BYTES)).toBe(true);
    }
    expect(cache.status()).toEqual({ directory, usable: true });
  });

  test('nothing under another variant, hash or identity', () => {
    const { cache, hash } = filled();
    expect(cache.findByHash(hash, '2 {}')).toBeUndefined();
    expect(cache.findByHash(cache.digest(new Uint8Array()), VARIANT)).toBeUndefined();
    expect(cache.findByIdentity('file', '2 {}')).toBeUndefined();
    expect(cache.findByIdentity('other file', VARIANT)).toBeUndefined();
  });

  test('the directory is where XDG says, else in the home directory', () => {
    vi.stubEnv('XDG_CACHE_HOME', home);
    expect(new DiskCache().directory).toBe(directory);
    vi.stubEnv('XDG_CACHE_HOME', 'relative');
    vi.stubEnv('HOME', home);
    expect(new DiskCache().directory).toBe(join(home, '.cache', 'superos', 'code'));
  });

  test('directory and entries are private', () => {
    const { path } = filled();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(entries('tmp-')).toEqual([]);
  });
});

describe('damage: the entry is absent, is removed, and can be stored again', () => {
  test('any byte changed', () => {
    const { cache, hash, path } = filled();
    const good = readFileSync(path);
    for (const at of [0, 7, 8, 39, 40, 43, 44, 47, 48, 55, 56, 60, 63, 64, 2000, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at]! ^= 0x10;
      writeFileSync(path, bad);
      expect([at, cache.findByHash(hash, VARIANT)]).toEqual([at, undefined]);
      expect(existsSync(path)).toBe(false);
      cache.store({ hash, layout: '{"a":1}', bytes: BYTES }, VARIANT);
      expect(cache.findByHash(hash, VARIANT)).toBeDefined();
      expect(readFileSync(path).equals(good)).toBe(true);
    }
  });

  test.each([0, 1, 8, 55, 56, 57, 62, 63, 64, 1000])('cut off at %i', (length) => {
    const { cache, hash, path } = filled();
    truncateSync(path, length);
    expect(cache.findByIdentity('file', VARIANT)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    expect(cache.findByHash(hash, VARIANT)).toBeUndefined();
  });

  test('longer than it says', () => {
    const { cache, hash, path } = filled();
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)]));
    expect(cache.findByHash(hash, VARIANT)).toBeUndefined();
  });

  test('an entry under the name of another', () => {
    const { cache, path } = filled();
    const other = cache.digest(new Uint8Array(1));
    cache.store({ hash: other, layout: '{}', bytes: new Uint8Array(1) }, VARIANT);
    const otherPath = entries('code-')
      .map((name) => join(directory, name))
      .find((one) => one !== path)!;
    writeFileSync(otherPath, readFileSync(path));
    expect(cache.findByHash(other, VARIANT)).toBeUndefined();
  });

  test.each(['', 'x', 'short\n', `${'0'.repeat(64)}\n${'0'.repeat(64)}\n`])('an index entry that says %j', (text) => {
    const { cache } = filled();
    writeFileSync(join(directory, entries('stat-')[0]!), text);
    expect(cache.findByIdentity('file', VARIANT)).toBeUndefined();
  });

  test('an index entry without its code is removed', () => {
    const { cache, path } = filled();
    rmSync(path);
    expect(cache.findByIdentity('file', VARIANT)).toBeUndefined();
    expect(entries('stat-')).toEqual([]);
  });
});

describe('other users', () => {
  test('an entry that others can write is removed, not read', () => {
    const { cache, hash, path } = filled();
    chmodSync(path, 0o622);
    expect(cache.findByHash(hash, VARIANT)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  test('an entry that is a link, a directory or a pipe is not followed', () => {
    const { cache, hash, path } = filled();
    const elsewhere = join(home, 'elsewhere');
    writeFileSync(elsewhere, readFileSync(path));
    rmSync(path);
    symlinkSync(elsewhere, path);
    expect(cache.findByHash(hash, VARIANT)).toBeUndefined();
    expect(existsSync(elsewhere)).toBe(true);
    rmSync(path, { force: true });
    mkdirSync(path);
    expect(cache.findByHash(hash, VARIANT)).toBeUndefined();
  });

  test.each([0o770, 0o702, 0o777])('a directory with mode %o: no cache, and the reason says why', (mode) => {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, mode);
    const { cache, hash } = { cache: new DiskCache({ directory }), hash: 'a'.repeat(64) };
    cache.store({ hash, layout: '{}', bytes: BYTES }, VARIANT);
    cache.remember('file', VARIANT, hash);
    expect(readdirSync(directory)).toEqual([]);
    expect(cache.status()).toMatchObject({ usable: false, reason: expect.stringMatching(/writable by others \(mode/) });
  });

  test('a parent that others can write', () => {
    mkdirSync(directory, { recursive: true });
    chmodSync(join(home, 'superos'), 0o777);
    expect(new DiskCache({ directory }).status().usable).toBe(false);
  });

  test('a directory that is a link', () => {
    mkdirSync(join(home, 'real'), { mode: 0o700 });
    mkdirSync(join(home, 'superos'), { mode: 0o700 });
    symlinkSync(join(home, 'real'), directory);
    const cache = new DiskCache({ directory });
    expect(cache.status()).toMatchObject({ usable: false, reason: expect.stringContaining('no directory') });
    cache.store({ hash: 'a'.repeat(64), layout: '{}', bytes: BYTES }, VARIANT);
    expect(readdirSync(join(home, 'real'))).toEqual([]);
  });

  test.runIf(root)('a directory of another user', async () => {
    const { chownSync } = await import('node:fs');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chownSync(directory, 12345, 12345);
    expect(new DiskCache({ directory }).status()).toMatchObject({
      usable: false,
      reason: expect.stringContaining('belongs to user 12345'),
    });
  });
});

describe('no room, no rights', () => {
  test('a file where the directory should be', () => {
    writeFileSync(join(home, 'superos'), '');
    const cache = new DiskCache({ directory });
    expect(cache.status().usable).toBe(false);
    expect(cache.findByHash('a'.repeat(64), VARIANT)).toBeUndefined();
  });

  test('a write that fails leaves nothing and says why', () => {
    const { cache } = filled();
    rmSync(directory, { recursive: true });
    cache.store({ hash: 'b'.repeat(64), layout: '{}', bytes: BYTES }, VARIANT);
    expect(cache.status()).toMatchObject({ usable: true, reason: expect.stringContaining('ENOENT') });
  });

  test('the least recently used goes when the cache is full', () => {
    const cache = new DiskCache({ directory, capacityBytes: 30_000 });
    const hashes = Array.from({ length: 6 }, (_, i) => cache.digest(Uint8Array.of(i)));
    for (const [i, hash] of hashes.entries()) {
      const before = new Set(existsSync(directory) ? entries('code-') : []);
      cache.store({ hash, layout: '{}', bytes: new Uint8Array(8000) }, VARIANT);
      const added = entries('code-').find((name) => !before.has(name))!;
      utimesSync(join(directory, added), 1000 + i, 1000 + i);
    }
    expect(hashes.map((hash) => cache.findByHash(hash, VARIANT) !== undefined)).toEqual([false, false, false, true, true, true]);
  });

  test('an entry larger than the whole cache is not stored', () => {
    const cache = new DiskCache({ directory, capacityBytes: 1000 });
    cache.store({ hash: 'c'.repeat(64), layout: '{}', bytes: BYTES }, VARIANT);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('what dead writers left is removed, what live ones write is not', () => {
    const { cache } = filled();
    for (const name of ['tmp-1-dead', 'tmp-2-live']) writeFileSync(join(directory, name), 'part', { mode: 0o600 });
    utimesSync(join(directory, 'tmp-1-dead'), 1000, 1000);
    cache.store({ hash: 'd'.repeat(64), layout: '{}', bytes: BYTES }, VARIANT);
    expect(entries('tmp-')).toEqual(['tmp-2-live']);
  });
});

test('processes that write and read the same entries at once', async () => {
  const child = fileURLToPath(new URL('cache-child.ts', import.meta.url));
  const run = promisify(execFile);
  const children = [1, 2, 3, 4].map((seed) => run(process.execPath, [child, directory, String(seed)]));
  const results = await Promise.all(children);
  expect(results.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
  expect(entries('tmp-')).toEqual([]);
});

describe('program file', () => {
  const sources: ReturnType<typeof fileSource>[] = [];

  function opened(path: string) {
    const source = fileSource(path);
    sources.push(source);
    return source;
  }

  function settled(path: string): number {
    // As if the last change were long ago.
    const { ctimeMs } = statSync(path);
    vi.useFakeTimers({ now: Math.ceil(ctimeMs) + 10_000 });
    return ctimeMs;
  }

  afterEach(() => {
    vi.useRealTimers();
    for (const source of sources.splice(0)) source.close();
  });

  test('no identity while a change could go unnoticed', () => {
    const path = join(home, 'a.wasm');
    writeFileSync(path, 'one');
    const file = opened(path);
    const { ctimeMs } = statSync(path);
    vi.useFakeTimers({ now: ctimeMs + 1900 });
    expect(file.identity()).toBeUndefined();
    vi.setSystemTime(ctimeMs + 2100);
    expect(file.identity()).toMatch(/^\d+( \d+){4}$/);
  });

  test('identity changes with content, size, times and file, not with the name', () => {
    const path = join(home, 'a.wasm');
    writeFileSync(path, 'one');
    settled(path);
    const file = opened(path);
    const first = file.identity();
    expect(first).toBeDefined();
    expect(file.identity()).toBe(first);
    expect(file.name).toBe('a.wasm');
    vi.useRealTimers();
    writeFileSync(path, 'two');
    settled(path);
    const second = file.identity();
    expect(second).not.toBe(first);
    vi.useRealTimers();
    // A forged modification time does not bring the old identity back.
    utimesSync(path, 1000, 1000);
    settled(path);
    expect([first, second]).not.toContain(file.identity());
    expect(Buffer.from(file.read()).toString()).toBe('two');
  });

  test('only regular files have one', () => {
    const file = opened('/dev/null');
    expect(lstatSync('/dev/null').isFile()).toBe(false);
    expect(file.identity()).toBeUndefined();
    expect(file.read()).toHaveLength(0);
  });

  test('a file that is not there throws what open throws', () => {
    expect(() => opened(join(home, 'none')).identity()).toThrow(/ENOENT/);
  });
});
