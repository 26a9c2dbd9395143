// What the host has, as Linux tells it, once nothing that V8 is to free is left.
import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export interface Sample {
  /** Bytes. */
  readonly rss: number;
  readonly heap: number;
  readonly maps: number;
  readonly fds: number;
}

/** Memories and stacks of V8 are freed by finalisers, in turns after the collection that found them. */
export async function sample(): Promise<Sample> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed } = process.memoryUsage();
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n').length - 1;
  return { rss, heap: heapUsed, maps, fds: readdirSync('/proc/self/fd').length };
}
