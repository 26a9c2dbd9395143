// A directory, and another host process that swaps names in it for links that lead out, and back, as fast as it can.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { expect } from 'vitest';
import { temporary } from '../hal/disks.ts';

const OUTSIDE = ['', '/f', '/secret', '/e2'] as const;

/** What the swapper takes for another thing from one moment to the next, in paths that stay inside and paths that do not. */
export const READS = ['d/f', 'd/secret', 'd/e/../f', 'd/e/../secret', 'd/e/../../f', 'f', 'd', 'd/e', 'd/.', 'd/e/..'] as const;

const snapshot = (base: string): unknown => ({
  names: fs.readdirSync(`${base}/outside`).filter((name) => name !== 'e'),
  secret: fs.readFileSync(`${base}/outside/secret`, 'utf8'),
  modes: OUTSIDE.map((name) => fs.statSync(`${base}/outside${name}`).mode),
  times: OUTSIDE.slice(1).map((name) => fs.statSync(`${base}/outside${name}`, { bigint: true }).mtimeNs),
});

/**
 * Runs `walk` on the directory `inside` while names in it are swapped. Whether the two meet is up to the host's scheduler; that
 * nothing outside is changed, or moved inside, is not. `forbidden`: the inodes of what is outside; `own`: that of `d`.
 */
export async function race(walk: (inside: string, forbidden: ReadonlySet<bigint>, own: bigint) => Promise<void>): Promise<void> {
  const base = temporary();
  for (const path of ['inside/d/e', 'outside/e2']) fs.mkdirSync(`${base}/${path}`, { recursive: true });
  for (const path of ['inside/d/f', 'inside/f']) fs.writeFileSync(`${base}/${path}`, 'inside');
  for (const path of ['outside/f', 'outside/secret']) fs.writeFileSync(`${base}/${path}`, 'outside');
  fs.symlinkSync('../outside', `${base}/link-to-directory`);
  fs.symlinkSync('../outside/secret', `${base}/link-to-file`);
  const forbidden = new Set(OUTSIDE.map((name) => fs.statSync(`${base}/outside${name}`, { bigint: true }).ino));
  const own = fs.statSync(`${base}/inside/d`, { bigint: true }).ino;
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
  try {
    await walk(`${base}/inside`, forbidden, own);
  } finally {
    fs.writeFileSync(`${base}/stop`, '');
    await ended;
  }
  expect(snapshot(base)).toEqual(before);
  for (const name of ['stolen', 'linked']) expect(fs.existsSync(`${base}/inside/${name}`)).toBe(false);
  expect(Number(output.split('\n')[1])).toBeGreaterThan(0);
  fs.rmSync(base, { recursive: true });
}
