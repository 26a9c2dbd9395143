// The WASI suite: every wasm32-wasip1 test of WebAssembly/wasi-testsuite (branch prod/testsuite-base) through the command line, as
// its doc/specification.md says. Each test gets a fresh copy of its root directory.

import { spawn } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../setup.ts';

interface Specification {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly root?: string;
  readonly exitCode: number;
  /** Undefined: not checked. */
  readonly stdout?: string;
  readonly stderr?: string;
}

interface Operation {
  readonly type: string;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly root?: string | null;
  readonly dirs?: readonly string[];
  readonly exit_code?: number;
  readonly id?: string;
  readonly payload?: string;
}

interface Manifest extends Operation {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly operations?: readonly Operation[];
}

const COMMAND = fileURLToPath(new URL('../../bin/superos.js', import.meta.url));
const TIME_LIMIT_MS = 30_000;

function readManifest(wasm: string): Manifest {
  try {
    return JSON.parse(readFileSync(wasm.replace(/\.wasm$/, '.json'), 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {} as Manifest;
    throw error;
  }
}

/** Either form of a test's description. */
export function specification(manifest: Manifest): Specification {
  const { operations } = manifest;
  if (operations === undefined) {
    const { args = [], env = {}, root, exit_code = 0, stdout, stderr } = manifest;
    return { args, env, ...(root && { root }), exitCode: exit_code, ...defined({ stdout, stderr }) };
  }
  const run = operations.find(({ type }) => type === 'run');
  const wait = operations.find(({ type }) => type === 'wait');
  const unknown = operations.find(({ type }) => !['run', 'wait', 'read'].includes(type));
  if (unknown) throw new Error(`operation ${unknown.type} is not known`);
  const read = (stream: string) => {
    const reads = operations.filter(({ type, id }) => type === 'read' && (id ?? 'stdout') === stream);
    return reads.length > 0 ? reads.map(({ payload }) => payload ?? '').join('') : undefined;
  };
  const root = run?.root;
  return {
    args: run?.args ?? [],
    env: run?.env ?? {},
    ...(root && { root }),
    exitCode: wait?.exit_code ?? 0,
    ...defined({ stdout: read('stdout'), stderr: read('stderr') }),
  };
}

function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function execute(args: readonly string[]): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const child = spawn(process.execPath, [COMMAND, 'run', ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_LIMIT_MS });
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  child.on('error', reject);
  child.on('close', (code) =>
    resolve({ code, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() }),
  );
  return promise;
}

/** What is wrong with the outcome; empty where nothing is. */
function complaints(wanted: Specification, actual: Result): string[] {
  const found: string[] = [];
  if (actual.code !== wanted.exitCode)
    found.push(`exit code ${actual.code} instead of ${wanted.exitCode}: ${actual.stderr.trim()}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const text = wanted[stream];
    if (text !== undefined && actual[stream] !== text) {
      found.push(`${stream} ${JSON.stringify(actual[stream])} instead of ${JSON.stringify(text)}`);
    }
  }
  return found;
}

async function runTest(wasm: string): Promise<string[]> {
  const wanted = specification(readManifest(wasm));
  const scratch = mkdtempSync(join(tmpdir(), 'superos-wasi-'));
  try {
    const options: string[] = [];
    if (wanted.root !== undefined) {
      const root = join(scratch, basename(wanted.root));
      cpSync(join(dirname(wasm), wanted.root), root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      for (const artifact of globSync('**/*.cleanup', { cwd: root })) rmSync(join(root, artifact), { recursive: true });
      options.push('--dir', `${root}::/`);
    }
    for (const [name, value] of Object.entries(wanted.env)) options.push('--env', `${name}=${value}`);
    return complaints(wanted, await execute([...options, wasm, ...wanted.args]));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs every test under `root` whose path contains `filter`. Returns the exit code. */
export async function runWasi(root: string, filter: string): Promise<number> {
  setup();
  const tests = globSync('tests/*/testsuite/wasm32-wasip1/**/*.wasm', { cwd: root }).sort();
  const selected = tests.filter((test) => test.includes(filter));
  let passed = 0;
  for (const test of selected) {
    const found = await runTest(join(root, test));
    if (found.length === 0) passed++;
    console.log(`${found.length === 0 ? 'ok    ' : 'FAILED'} ${relative('tests', test)}`);
    for (const complaint of found) console.log(`       ${complaint}`);
  }
  console.log(`\nwasi suite: ${selected.length} tests, ${passed} passed, ${selected.length - passed} failed`);
  return passed === selected.length && passed > 0 ? 0 : 1;
}
