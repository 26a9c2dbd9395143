// A program in a host file. The file is opened once: what identifies it and what is read of it are the same file, whatever happens
// to its name meanwhile.

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ProgramSource } from '../cache.ts';

/** Two changes closer together than a file system's clock ticks may leave the same times; none known ticks slower. */
const SETTLED_NS = 2_000_000_000n;
const NS_PER_MS = 1_000_000n;

export class ProgramFile implements ProgramSource, Disposable {
  readonly name: string;
  readonly #fd: number;

  /** Throws the error of `open`. */
  constructor(path: string) {
    this.name = basename(path);
    this.#fd = openSync(path, 'r');
  }

  identity(): string | undefined {
    const stats = fstatSync(this.#fd, { bigint: true });
    const age = BigInt(Date.now()) * NS_PER_MS - stats.ctimeNs;
    if (!stats.isFile() || age < SETTLED_NS) return undefined;
    return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
  }

  read(): Uint8Array {
    return readFileSync(this.#fd);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
