// A program's file on this host, opened once: what is identified is what is read.
import fs from 'node:fs';
import { basename } from 'node:path';
import type { ProgramSource } from '../cache.ts';
import { HELD } from './held.ts';

/** A change within one tick of the file system's clock could go unseen; the coarsest that is common ticks in seconds. */
const SETTLED_MS = 2000;
/** The longest module that V8 takes. */
const BYTES_MAX = 2 ** 30;
const CHUNK_BYTES = 65_536;

/** Throws EFBIG rather than fill the host's memory: a device may never end. */
function readAll(fd: number): Uint8Array {
  const stats = fs.fstatSync(fd);
  if (stats.isFile() && stats.size <= BYTES_MAX) return fs.readFileSync(fd);
  const chunks: Buffer[] = [];
  let length = stats.isFile() ? stats.size : 0;
  while (length <= BYTES_MAX) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const got = fs.readSync(fd, chunk);
    if (got === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, got));
    length += got;
  }
  throw Object.assign(new Error('EFBIG: larger than any module can be'), { code: 'EFBIG' });
}

/** Differs whenever the content may differ; undefined where nothing tells. */
function identityOf(stats: fs.BigIntStats): string | undefined {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  // What a pipe or a terminal will give, its times do not tell.
  if (!stats.isFile()) return undefined;
  if (Date.now() - Number(ctimeNs / 1_000_000n) < SETTLED_MS) return undefined;
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** The identity of a file as `fileSource` has it, without opening the file; undefined also where there is none. */
export function fileIdentity(path: string): string | undefined {
  try {
    return identityOf(fs.statSync(path, { bigint: true }));
  } catch {
    // Who opens it is told why that cannot be done.
    return undefined;
  }
}

export function fileSource(path: string): ProgramSource & { close(): void } {
  let fd: number | undefined;
  const open = () => {
    if (fd === undefined) {
      fd = fs.openSync(path, 'r');
      HELD.bytes[fd] = 1;
    }
    return fd;
  };
  return {
    name: basename(path),
    identity: () => identityOf(fs.fstatSync(open(), { bigint: true })),
    read: () => readAll(open()),
    close() {
      if (fd === undefined) return;
      fs.closeSync(fd);
      HELD.bytes[fd] = 0;
      fd = undefined;
    },
  };
}
