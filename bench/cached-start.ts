// From the path of a big program to a compiled module, in a fresh process: out of the code cache, against V8 with the original.
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { RUBY, RUBY_STDLIB } from './loader.ts';
import type { Scratch } from './scratch.ts';
import type { Subject } from './subject.ts';

const child = join(import.meta.dirname, 'child', 'load.js');

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  return [RUBY, RUBY_STDLIB].map((path) => ({
    name: `cached start: ${basename(path)}`,
    unit: 'ms',
    rounds: 11,
    contenders: [
      { name: 'superos', round: () => loaded('superos', path, scratch.disk) },
      { name: 'V8 compiles', round: () => loaded('v8', path, scratch.disk) },
    ],
    target: { most: 1.3, of: 'V8 compiles' },
  }));
}

function loaded(who: string, path: string, cache: string): number {
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', child, who, path], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${child} ${who} ${path}: status ${status}: ${stderr}`);
  return Number(stdout);
}
