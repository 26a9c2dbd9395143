// The command as its users have it: the launcher and the bundle, run with a cache of its own.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '../..');
export const LAUNCHER = path.join(root, 'bin/superos.js');
const CACHE = path.join(root, 'node_modules/.cache');

export const guest = (name: string): string => path.join(root, 'guests/bin', `${name}.wasm`);

export interface Setting {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

const environment = (env: Setting['env'] = {}) => ({ PATH: process.env['PATH'], XDG_CACHE_HOME: CACHE, ...env });

/** Runs `superos ARGS...` to its end. */
export function superos(args: readonly string[], { input = '', env, cwd }: Setting = {}): Ended {
  fs.mkdirSync(CACHE, { recursive: true });
  const { stdout, stderr, status } = spawnSync(process.execPath, [LAUNCHER, ...args], {
    encoding: 'utf8',
    input,
    env: environment(env),
    cwd,
  });
  return { stdout, stderr, status };
}

export const python = spawnSync('python3', ['--version']).status === 0;

/** Runs `superos ARGS...` on a terminal. */
export function onTerminal(
  steps: readonly ['expect' | 'send', string][],
  args: readonly string[],
): { output: string; status: number } {
  const script = path.join(import.meta.dirname, 'terminal.py');
  const { stdout } = spawnSync('python3', [script, JSON.stringify(steps), process.execPath, LAUNCHER, ...args], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as { output: string; status: number };
}

/** Starts `superos ARGS...`. */
export function start(args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [LAUNCHER, ...args], { env: environment() });
}

/** Runs a shell's line, in which `superos` is the command. */
export function shell(line: string): Ended {
  const script = `superos() { "${process.execPath}" "${LAUNCHER}" "$@"; }\n${line}`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env: environment() });
  return { stdout, stderr, status };
}

export const ended = (child: ChildProcessWithoutNullStreams): Promise<number | string | null> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });

/** Resolves once standard output holds `text`. */
export async function said(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  let output = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk;
    if (output.includes(text)) return;
  }
  throw new Error(`ended without saying ${text}; it said ${output}`);
}
