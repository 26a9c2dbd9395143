// A program's file on this host, opened once: what is identified is what is read.
import fs from 'node:fs';
import { basename } from 'node:path';
import type { ProgramSource } from '../cache.ts';

/** A change within one tick of the file system's clock could go unseen; the coarsest that is common ticks in seconds. */
const SETTLED_MS = 2000;

export function fileSource(path: string): ProgramSource & { close(): void } {
  let fd: number | undefined;
  const open = () => {
    fd ??= fs.openSync(path, 'r');
    return fd;
  };
  return {
    name: basename(path),
    identity() {
      const stats = fs.fstatSync(open(), { bigint: true });
      const { dev, ino, size, mtimeNs, ctimeNs } = stats;
      // What a pipe or a terminal will give, its times do not tell.
      if (!stats.isFile()) return undefined;
      if (Date.now() - Number(ctimeNs / 1_000_000n) < SETTLED_MS) return undefined;
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    },
    read: () => fs.readFileSync(open()),
    close() {
      if (fd !== undefined) fs.closeSync(fd);
      fd = undefined;
    },
  };
}
