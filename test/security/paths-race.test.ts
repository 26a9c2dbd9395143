// SECURITY.md 8, by each driver of the disk: another host process swaps directories and files for links, and moves directories out,
// while paths are walked through them. Whatever a call does, it does inside. By a guest: guest-race.test.ts.
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { directory, options } from '../hal/disks.ts';
import { READS, race } from './race.ts';

const ROUNDS = 7_200;
const CALLS_A_ROUND = 14;
const MODES = [
  { name: 'openat2', how: {} },
  { name: 'components', how: { resolution: 'components' } },
  { name: 'components without ffi', how: { ffi: false } },
] as const;

describe.each(MODES)('a race against the host, $name', ({ how }) => {
  test(`${ROUNDS * CALLS_A_ROUND} tries, no escape`, () =>
    race(async (inside, forbidden) => {
      const root = directory(nodeDisk(how).open(inside));
      const follow = options({ follow: true });
      const write = options({ write: true, create: true, follow: true });
      const seen = new Set<bigint>();
      for (let i = 0; i < ROUNDS; i++) {
        const path = READS[i % READS.length]!;
        const stat = root.stat(path, true);
        if (typeof stat !== 'string') seen.add(stat.inode);
        const opened = root.open(path, follow);
        if (typeof opened !== 'string') {
          const status = opened.kind === 'file' ? opened.stat() : opened.stat('.', false);
          if (typeof status !== 'string') seen.add(status.inode);
          opened.close();
        }
        const made = root.open(`d/e/../made${i % 7}`, write);
        if (typeof made !== 'string') made.close();
        root.makeDirectory(`d/new${i % 7}`);
        root.removeDirectory(`d/new${i % 7}`);
        root.unlink('d/secret', false);
        root.rename('d/secret', false, root, 'stolen', false);
        root.link('d/secret', true, root, 'linked');
        root.symlink('x', `d/symlink${i % 7}`);
        root.setTimes('f', true, 0n, 0n);
        root.setMode('d/f', true, 0o777);
        root.unlink(`d/made${i % 7}`, false);
        root.unlink(`d/symlink${i % 7}`, false);
      }
      root.close();
      expect([...seen].filter((inode) => forbidden.has(inode))).toEqual([]);
    }));
});
