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
import { dirname, join } from 'node:path';
import type { CachedCode, CacheStatus, CodeCache } from '../cache.ts';
import { cacheHome } from './cache-home.ts';
import { checksum } from './checksum.ts';
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
const MAGIC = Buffer.from('superos2');
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
  return home === undefined ? undefined : join(home, 'code');
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

function readAll(fd: number, size: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafeSlow(size);
  for (let filled = 0; filled < size; ) {
    const count = readSync(fd, buffer, filled, size - filled, filled);
    if (count === 0) return undefined;
    filled += count;
  }
  return buffer;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function encode(name: string, code: CachedCode): Uint8Array {
  const nameBytes = Buffer.from(name);
  const layout = Buffer.from(code.layout);
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(nameBytes.length, NAME_LENGTH_AT);
  header.writeUInt32LE(layout.length, LAYOUT_LENGTH_AT);
  header.writeUInt32LE(code.bytes.length, CODE_LENGTH_AT);
  const entry = Buffer.concat([header, nameBytes, layout, code.bytes]);
  entry.writeUInt32LE(checksum(entry.subarray(NAME_LENGTH_AT)), CHECKSUM_AT);
  return entry;
}

function decode(name: string, hash: string, entry: Buffer): CachedCode | undefined {
  if (entry.length < HEADER_BYTES || !entry.subarray(0, CHECKSUM_AT).equals(MAGIC)) return undefined;
  const layoutAt = HEADER_BYTES + entry.readUInt32LE(NAME_LENGTH_AT);
  const codeAt = layoutAt + entry.readUInt32LE(LAYOUT_LENGTH_AT);
  if (entry.length !== codeAt + entry.readUInt32LE(CODE_LENGTH_AT)) return undefined;
  if (checksum(entry.subarray(NAME_LENGTH_AT)) !== entry.readUInt32LE(CHECKSUM_AT)) return undefined;
  if (entry.toString('utf8', HEADER_BYTES, layoutAt) !== name) return undefined;
  return { hash, layout: entry.toString('utf8', layoutAt, codeAt), bytes: entry.subarray(codeAt) };
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
    const [known, hash] = this.#read(name)?.toString('utf8').split('\n') ?? [];
    if (known !== identity || hash === undefined) return undefined;
    const code = this.findByHash(hash, variant);
    if (code === undefined) this.#remove(name);
    return code;
  }

  findByHash(hash: string, variant: string): CachedCode | undefined {
    if (!HASH.test(hash)) return undefined;
    const name = fileName(CODE, variant, hash);
    const entry = this.#read(name);
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

  /** The content of a file that only this user can have written. */
  #read(name: string): Buffer | undefined {
    if (this.#unusable !== undefined) return undefined;
    let fd: number | undefined;
    try {
      fd = openSync(join(this.#path, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      HELD.bytes[fd] = 1;
      const stats = fstatSync(fd);
      if (!stats.isFile() || stats.size > this.#capacity || distrust(stats, process.getuid!()) !== undefined) {
        this.#remove(name);
        return undefined;
      }
      return readAll(fd, stats.size);
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
    const temporary = join(this.#path, `${TEMPORARY}${process.pid}-${process.hrtime.bigint()}`);
    try {
      const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      HELD.bytes[fd] = 1;
      try {
        writeAll(fd, bytes);
      } finally {
        closeSync(fd);
        HELD.bytes[fd] = 0;
      }
      renameSync(temporary, join(this.#path, name));
      this.#failure = undefined;
    } catch (error) {
      this.#failure = message(error);
      this.#remove(`${temporary.slice(this.#path.length + 1)}`);
    }
  }

  #remove(name: string): void {
    try {
      unlinkSync(join(this.#path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failure = message(error);
    }
  }

  /** Removes what was not used for the longest time until the rest fits, and what dead writers left. */
  #prune(): void {
    const files: { name: string; size: number; used: number }[] = [];
    try {
      for (const name of readdirSync(this.#path)) {
        const stats = lstatSync(join(this.#path, name), { throwIfNoEntry: false });
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
