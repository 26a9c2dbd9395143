// What the host has, as Linux tells it, once nothing that V8 is to free is left.
import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Down to V8's young generation, which it otherwise keeps as large as it ever was (60 MB). */
const collect = runInNewContext("() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })") as () => void;

/** What noise there is: V8's compiler, and pages that allocators keep. */
const RSS_SLACK = 16 * 2 ** 20;
const MAPS_SLACK = 64;
const FDS_SLACK = 4;

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

/** The host has no more at the last of them than at the first. */
export function flat(samples: readonly Sample[]): boolean {
  const [first, ...later] = samples;
  const last = later.at(-1);
  if (first === undefined || last === undefined) return false;
  return last.rss <= first.rss + RSS_SLACK && last.maps <= first.maps + MAPS_SLACK && last.fds <= first.fds + FDS_SLACK;
}
