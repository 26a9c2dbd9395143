// The entropy driver: random bytes of the host's own generator. Small requests are served from a pool whose bytes are wiped
// as they are handed out, so that none is ever given twice or found in memory later.
import fs from 'node:fs';
import type { Entropy } from '../entropy.ts';
import { HELD } from './held.ts';

const POOL_BYTES = 4096;
/** The most that one call of the host's generator fills. */
const CHUNK_BYTES = 1 << 30;

class NodeEntropy implements Entropy {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  fill(into: Uint8Array, at: number, length: number): void {
    if (length > POOL_BYTES) {
      fillLarge(into, at, length);
      return;
    }
    if (length > POOL_BYTES - this.#used) {
      refill(this.#pool);
      this.#used = 0;
    }
    const pool = this.#pool;
    const from = this.#used;
    // Requests are of a few bytes, for which a loop costs a fraction of what a view and its set() do.
    for (let i = 0; i < length; i++) {
      into[at + i] = pool[from + i]!;
      pool[from + i] = 0;
    }
    this.#used = from + length;
  }
}

function fillLarge(into: Uint8Array, at: number, length: number): void {
  const { randomFillSync } = process.getBuiltinModule('node:crypto');
  const end = at + length;
  for (let from = at; from < end; from += CHUNK_BYTES) randomFillSync(into, from, Math.min(CHUNK_BYTES, end - from));
}

/** Fills the pool from the kernel's generator: node:crypto takes 4 ms to load, longer than a small program lives. */
function refill(pool: Uint8Array): void {
  let fd: number;
  try {
    fd = fs.openSync('/dev/urandom', 'r');
    HELD.bytes[fd] = 1;
  } catch {
    // No such device here: a host other than Unix, or a bare container.
    fillLarge(pool, 0, pool.length);
    return;
  }
  try {
    if (!fs.fstatSync(fd).isCharacterDevice() || fs.readSync(fd, pool, 0, pool.length, null) !== pool.length) {
      fillLarge(pool, 0, pool.length);
    }
  } finally {
    fs.closeSync(fd);
    HELD.bytes[fd] = 0;
  }
}

export function nodeEntropy(): Entropy {
  return new NodeEntropy();
}
