// Another host process swaps directories and files for links, and moves directories out, while paths are walked through them:
// whatever a call does, it does inside. Whether the two meet is up to the host's scheduler; that none escapes is not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { directory, options, temporary } from '../hal/disks.ts';

const ROUNDS = 7_200;
const CALLS_A_ROUND = 14;
const MODES = [
  { name: 'openat2', how: {} },
  { name: 'components', how: { resolution: 'components' } },
  { name: 'components without ffi', how: { ffi: false } },
] as const;

const snapshot = (base: string): unknown => ({
  names: fs.readdirSync(`${base}/outside`).filter((name) => name !== 'e'),
  secret: fs.readFileSync(`${base}/outside/secret`, 'utf8'),
  modes: ['', '/f', '/secret', '/e2'].map((name) => fs.statSync(`${base}/outside${name}`).mode),
  times: ['/f', '/secret', '/e2'].map((name) => fs.statSync(`${base}/outside${name}`, { bigint: true }).mtimeNs),
});

describe.each(MODES)('a race against the host, $name', ({ how }) => {
  test(`${ROUNDS * CALLS_A_ROUND} tries, no escape`, async () => {
    const base = temporary();
    for (const path of ['inside/d/e', 'outside/e2']) fs.mkdirSync(`${base}/${path}`, { recursive: true });
    for (const path of ['inside/d/f', 'inside/f']) fs.writeFileSync(`${base}/${path}`, 'inside');
    for (const path of ['outside/f', 'outside/secret']) fs.writeFileSync(`${base}/${path}`, 'outside');
    fs.symlinkSync('../outside', `${base}/link-to-directory`);
    fs.symlinkSync('../outside/secret', `${base}/link-to-file`);
    const root = directory(nodeDisk(how).open(`${base}/inside`));
    const forbidden = new Set(
      ['', '/f', '/secret', '/e2'].map((name) => fs.statSync(`${base}/outside${name}`, { bigint: true }).ino),
    );
    const before = snapshot(base);

    const child = spawn(process.execPath, [new URL('swapper.js', import.meta.url).pathname, base], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child.stdout, 'data');

    const reads = ['d/f', 'd/secret', 'd/e/../f', 'd/e/../secret', 'd/e/../../f', 'f', 'd', 'd/e', 'd/.', 'd/e/..'];
    const follow = options({ follow: true });
    const write = options({ write: true, create: true, follow: true });
    const seen = new Set<bigint>();
    for (let i = 0; i < ROUNDS; i++) {
      const path = reads[i % reads.length]!;
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

    fs.writeFileSync(`${base}/stop`, '');
    await ended;
    root.close();
    expect(snapshot(base)).toEqual(before);
    expect([...seen].filter((inode) => forbidden.has(inode))).toEqual([]);
    for (const name of ['stolen', 'linked']) expect(fs.existsSync(`${base}/inside/${name}`)).toBe(false);
    expect(Number(output.split('\n')[1])).toBeGreaterThan(0);
    fs.rmSync(base, { recursive: true });
  });
});
