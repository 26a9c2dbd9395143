// The code cache on disk: `${XDG_CACHE_HOME or ~/.cache}/superos/code`. The directory and every entry must belong to this user and be
// writable by nobody else, else the cache is off. Entries appear by rename, so readers never see half of one; each carries a checksum.
// Whatever goes wrong with the disk costs the cache, never the run.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { CachedCode, CacheStatus, CodeCache } from '../cache.ts';
import { cacheHome } from './cache-home.ts';
import { Summable } from './checksum.ts';
import { HELD } from './held.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

const OTHERS_WRITE = 0o022;
const CAPACITY_BYTES = 2 ** 30;
/** What a small file takes at least. */
const BLOCK_BYTES = 4096;
/** A temporary file so old has lost its writer. */
const ABANDONED_MS = 3_600_000;

const TEMPORARY = 'tmp-';
const CODE = 'code-';
const INDEX = 'stat-';

// An entry: magic, checksum of what follows it, lengths of name, layout and code; then these. All numbers have 32 bits.
const MAGIC = Buffer.from('superos3');
const CHECKSUM_AT = 8;
const NAME_LENGTH_AT = 12;
const LAYOUT_LENGTH_AT = 16;
const CODE_LENGTH_AT = 20;
const HEADER_BYTES = 24;

const HASH = /^[0-9a-f]{64}$/;

export interface DiskCacheOptions {
  readonly directory?: string;
  readonly capacityBytes?: number;
}

function defaultDirectory(): string | undefined {
  const home = cacheHome();
  return home === undefined ? undefined : `${home}/code`;
}

/** Different for every variant and key, and with nothing in it that a path would take for a step. */
function fileName(kind: string, variant: string, key: string): string {
  return `${kind}${encodeURIComponent(variant)}-${encodeURIComponent(key)}`;
}

/** Why something that others could have put or changed there must not be used; undefined if nothing is wrong. */
function distrust(stats: Stats, uid: number): string | undefined {
  if (stats.uid !== uid) return `belongs to user ${stats.uid}, not ${uid}`;
  if ((stats.mode & OTHERS_WRITE) !== 0) return `is writable by others (mode ${(stats.mode & 0o777).toString(8)})`;
  return undefined;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why `directory` cannot be used as a private directory, which it creates if it can; undefined if it can. */
function prepare(directory: string): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return 'this host has no user ids';
  try {
    for (const path of [dirname(directory), directory]) {
      let stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) {
        mkdirSync(path, { recursive: true, mode: 0o700 });
        stats = lstatSync(path);
      }
      if (!stats.isDirectory()) return `${path} is no directory`;
      const reason = distrust(stats, uid);
      if (reason !== undefined) return `${path} ${reason}`;
    }
    return undefined;
  } catch (error) {
    return message(error);
  }
}

/** Reads a whole file into `bytes`, if it is as long. */
function readAll(fd: number, bytes: Uint8Array): boolean {
  for (let filled = 0; filled < bytes.length; ) {
    const count = readSync(fd, bytes, filled, bytes.length - filled, filled);
    if (count === 0) return false;
    filled += count;
  }
  return true;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function encode(name: string, code: CachedCode): Uint8Array {
  const nameBytes = Buffer.from(name);
  const layout = Buffer.from(code.layout);
  const entry = new Summable(HEADER_BYTES + nameBytes.length + layout.length + code.bytes.length);
  const { bytes } = entry;
  bytes.set(MAGIC);
  bytes.set(nameBytes, HEADER_BYTES);
  bytes.set(layout, HEADER_BYTES + nameBytes.length);
  bytes.set(code.bytes, bytes.length - code.bytes.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(NAME_LENGTH_AT, nameBytes.length, true);
  header.setUint32(LAYOUT_LENGTH_AT, layout.length, true);
  header.setUint32(CODE_LENGTH_AT, code.bytes.length, true);
  header.setUint32(CHECKSUM_AT, entry.checksum(NAME_LENGTH_AT), true);
  return bytes;
}

function decode(name: string, hash: string, entry: Summable): CachedCode | undefined {
  const { buffer, length } = entry.bytes;
  const bytes = Buffer.from(buffer, 0, length);
  if (length < HEADER_BYTES || !bytes.subarray(0, CHECKSUM_AT).equals(MAGIC)) return undefined;
  const layoutAt = HEADER_BYTES + bytes.readUInt32LE(NAME_LENGTH_AT);
  const codeAt = layoutAt + bytes.readUInt32LE(LAYOUT_LENGTH_AT);
  if (length !== codeAt + bytes.readUInt32LE(CODE_LENGTH_AT)) return undefined;
  if (entry.checksum(NAME_LENGTH_AT) !== bytes.readUInt32LE(CHECKSUM_AT)) return undefined;
  if (bytes.toString('utf8', HEADER_BYTES, layoutAt) !== name) return undefined;
  return { hash, layout: bytes.toString('utf8', layoutAt, codeAt), bytes: bytes.subarray(codeAt) };
}

export class DiskCache implements CodeCache {
  readonly directory: string | undefined;
  /** Empty, and not used, where there is none. */
  readonly #path: string;
  readonly #capacity: number;
  readonly #unusable: string | undefined;
  #failure: string | undefined;

  constructor(options: DiskCacheOptions = {}) {
    this.directory = options.directory ?? defaultDirectory();
    this.#path = this.directory ?? '';
    this.#capacity = options.capacityBytes ?? CAPACITY_BYTES;
    this.#unusable = this.directory === undefined ? 'this user has no home directory' : prepare(this.directory);
  }

  status(): CacheStatus {
    const reason = this.#unusable ?? this.#failure;
    return { directory: this.directory, usable: this.#unusable === undefined, ...(reason !== undefined && { reason }) };
  }

  digest(bytes: Uint8Array): string {
    // Loading node:crypto takes longer than a small program runs, and programs known by identity need no digest.
    return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex');
  }

  findByIdentity(identity: string, variant: string): CachedCode | undefined {
    const name = fileName(INDEX, variant, identity);
    const text = this.#read(name, (length) => ({ bytes: Buffer.allocUnsafe(length) }));
    const [known, hash] = text?.bytes.toString('utf8').split('\n') ?? [];
    if (known !== identity || hash === undefined) return undefined;
    const code = this.findByHash(hash, variant);
    if (code === undefined) this.#remove(name);
    return code;
  }

  findByHash(hash: string, variant: string): CachedCode | undefined {
    if (!HASH.test(hash)) return undefined;
    const name = fileName(CODE, variant, hash);
    const entry = this.#read(name, (length) => new Summable(length));
    if (entry === undefined) return undefined;
    const code = decode(name, hash, entry);
    if (code === undefined) this.#remove(name);
    return code;
  }

  store(code: CachedCode, variant: string): void {
    const name = fileName(CODE, variant, code.hash);
    if (HEADER_BYTES + code.layout.length + code.bytes.length > this.#capacity) return;
    this.#write(name, encode(name, code));
    this.#prune();
  }

  remember(identity: string, variant: string, hash: string): void {
    this.#write(fileName(INDEX, variant, identity), Buffer.from(`${identity}\n${hash}\n`));
  }

  /** Without `join`, whose first use takes half a millisecond. */
  #file(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** The content of a file that only this user can have written, where `room` makes room for it. */
  #read<R extends { readonly bytes: Uint8Array }>(name: string, room: (length: number) => R): R | undefined {
    if (this.#unusable !== undefined) return undefined;
    let fd: number | undefined;
    try {
      fd = openSync(this.#file(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      HELD.bytes[fd] = 1;
      const stats = fstatSync(fd);
      if (!stats.isFile() || stats.size > this.#capacity || distrust(stats, process.getuid!()) !== undefined) {
        this.#remove(name);
        return undefined;
      }
      const content = room(stats.size);
      return readAll(fd, content.bytes) ? content : undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') this.#remove(name);
      if (code !== 'ENOENT') this.#failure = message(error);
      return undefined;
    } finally {
      if (fd !== undefined) {
        closeSync(fd);
        HELD.bytes[fd] = 0;
      }
    }
  }

  #write(name: string, bytes: Uint8Array): void {
    if (this.#unusable !== undefined) return;
    const temporary = this.#file(`${TEMPORARY}${process.pid}-${process.hrtime.bigint()}`);
    try {
      const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      HELD.bytes[fd] = 1;
      try {
        writeAll(fd, bytes);
      } finally {
        closeSync(fd);
        HELD.bytes[fd] = 0;
      }
      renameSync(temporary, this.#file(name));
      this.#failure = undefined;
    } catch (error) {
      this.#failure = message(error);
      this.#remove(`${temporary.slice(this.#path.length + 1)}`);
    }
  }

  #remove(name: string): void {
    try {
      unlinkSync(this.#file(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failure = message(error);
    }
  }

  /** Removes what was not used for the longest time until the rest fits, and what dead writers left. */
  #prune(): void {
    const files: { name: string; size: number; used: number }[] = [];
    try {
      for (const name of readdirSync(this.#path)) {
        const stats = lstatSync(this.#file(name), { throwIfNoEntry: false });
        if (stats === undefined) continue;
        if (name.startsWith(TEMPORARY) && Date.now() - stats.mtimeMs > ABANDONED_MS) this.#remove(name);
        else files.push({ name, size: Math.max(stats.size, BLOCK_BYTES), used: Math.max(stats.atimeMs, stats.mtimeMs) });
      }
    } catch (error) {
      this.#failure = message(error);
      return;
    }
    let total = files.reduce((sum, { size }) => sum + size, 0);
    files.sort((a, b) => a.used - b.used);
    for (const { name, size } of files) {
      if (total <= this.#capacity) return;
      this.#remove(name);
      total -= size;
    }
  }
}
