// From the shell to the shell: a small program run from the command line, against Node doing nothing.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setup } from '../test/setup.ts';
import { NO_COMPILER, type Scratch } from './scratch.ts';
import type { Subject } from './subject.ts';

const root = join(import.meta.dirname, '..');
const HELLO = join(root, 'guests', 'bin', 'hello.wasm');
const NS_PER_MS = 1e6;

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  setup();
  const env = { ...process.env, XDG_CACHE_HOME: scratch.disk };
  const node = (...args: readonly string[]) => milliseconds(process.execPath, args, env);
  const native = scratch.native('hello');
  return [
    {
      name: 'start: run hello.wasm',
      unit: 'ms',
      rounds: 31,
      contenders: [
        { name: 'superos', round: () => node(join(root, 'bin', 'superos.js'), 'run', HELLO) },
        { name: 'node:wasi', round: () => node('--no-warnings', join(import.meta.dirname, 'child', 'wasi.js'), HELLO) },
        { name: 'node -e 0', round: () => node('-e', '0') },
        { name: 'native', round: () => (native === undefined ? NO_COMPILER : milliseconds(native, [], env)) },
      ],
      target: { most: 1.4, of: 'node -e 0' },
    },
  ];
}

function milliseconds(program: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const start = process.hrtime.bigint();
  // Output goes to /dev/null: what Node calls a pipe to a child is a socket, which no shell gives a command.
  const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  const taken = Number(process.hrtime.bigint() - start) / NS_PER_MS;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${stderr}`);
  return taken;
}
