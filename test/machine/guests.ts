// Guests for tests: the committed programs and inline text, host trees to give to them, and `paths`, which performs path calls.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { type ExitStatus, type Grant, Machine, type Program } from '../../src/index.ts';

const bin = path.join(import.meta.dirname, '../../guests/bin');

/** Where the machine's own tests run kernels: in place, and on threads. */
export const CPUS = [0, 2] as const;

/** The path of a committed guest. */
export const guest = (name: string): string => path.join(bin, `${name}.wasm`);

/** A module from the fields of its text. */
export const wat = (fields: string): Promise<Uint8Array> => parse(`(module ${fields})`);

/** The imports that most inline guests use. */
export const WASI = (...names: readonly (keyof typeof SIGNATURES)[]): string =>
  names.map((name) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${SIGNATURES[name]}))`).join('\n');

const SIGNATURES = {
  args_sizes_get: '(param i32 i32) (result i32)',
  clock_time_get: '(param i32 i64 i32) (result i32)',
  fd_close: '(param i32) (result i32)',
  fd_fdstat_get: '(param i32 i32) (result i32)',
  fd_fdstat_set_flags: '(param i32 i32) (result i32)',
  fd_prestat_get: '(param i32 i32) (result i32)',
  fd_read: '(param i32 i32 i32 i32) (result i32)',
  fd_pwrite: '(param i32 i32 i32 i64 i32) (result i32)',
  fd_readdir: '(param i32 i32 i32 i64 i32) (result i32)',
  fd_renumber: '(param i32 i32) (result i32)',
  fd_write: '(param i32 i32 i32 i32) (result i32)',
  path_open: '(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)',
  poll_oneoff: '(param i32 i32 i32 i32) (result i32)',
  proc_exit: '(param i32)',
  proc_raise: '(param i32) (result i32)',
  random_get: '(param i32 i32) (result i32)',
  sched_yield: '(result i32)',
} as const;

/** A directory of this host that is gone when the scope ends. `-> TARGET` is a link; `{root}` in a target is the directory itself. */
export function temporaryTree(files: Readonly<Record<string, string>> = {}): Disposable & { readonly path: string } {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'superos-guest-')));
  for (const [name, text] of Object.entries(files)) {
    const target = path.join(base, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (name.endsWith('/')) fs.mkdirSync(target, { recursive: true });
    else if (text.startsWith('-> ')) fs.symlinkSync(text.slice(3).replace('{root}', base), target);
    else fs.writeFileSync(target, text);
  }
  return { path: base, [Symbol.dispose]: () => fs.rmSync(base, { recursive: true, force: true }) };
}

/** Everything that a guest could change below `base`: names, types, modes, bytes, targets, and times but those of access. */
export function snapshot(base: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (name: string): void => {
    const at = path.join(base, name);
    const stat = fs.lstatSync(at, { bigint: true });
    const what = stat.isSymbolicLink() ? fs.readlinkSync(at) : stat.isFile() ? fs.readFileSync(at, 'latin1') : '';
    found[name] = `${stat.mode.toString(8)} ${stat.nlink} ${stat.mtimeNs} ${stat.ctimeNs} ${what}`;
    if (stat.isDirectory()) for (const entry of fs.readdirSync(at)) visit(path.join(name, entry));
  };
  visit('.');
  return found;
}

/** Descriptors of this host process that refer to something at or below `base`. */
export const hostDescriptors = (base: string): number =>
  fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(base);
    } catch {
      // The one that read the directory.
      return false;
    }
  }).length;

export interface Answer {
  readonly call: string;
  readonly answer: string;
}

const programs = new WeakMap<Machine, Program>();

/** `paths`, compiled once for each machine. */
async function program(machine: Machine): Promise<Program> {
  const known = programs.get(machine) ?? (await machine.compile(fs.readFileSync(guest('paths')), 'paths'));
  programs.set(machine, known);
  return known;
}

/** Performs path calls in one guest, and gives what each answered. Descriptors 3, 4, ... are the directories among `grants`. */
export async function perform(
  machine: Machine,
  grants: readonly Grant[],
  calls: readonly (readonly string[])[],
): Promise<Answer[]> {
  const { stdout, stderr, status } = await machine
    .process(await program(machine))
    .args(calls.flatMap((call, i) => (i === 0 ? call : ['--', ...call])))
    .capabilities(grants)
    .run();
  if (status.code !== 0) throw new Error(`paths ended with ${JSON.stringify(status)}: ${stderr}`);
  const lines = stdout.toString('latin1').split('\n');
  if (lines.length !== calls.length + 1) throw new Error(`paths gave ${lines.length - 1} answers to ${calls.length} calls`);
  return calls.map((call, i) => ({ call: call.join(' '), answer: lines[i]! }));
}

/** Every path call with one path, with and without following, where it names a source and where it names a target. */
export const everyCall = (name: string): string[][] => [
  ...['r', 'rf', 'w', 'wf', 'wc', 'wcf', 'wcx', 'wct', 'wctf', 'wt', 'wtf', 'wa', 'waf', 'd', 'df'].map((flags) => [
    'open',
    name,
    flags,
  ]),
  ...['stat', 'lstat', 'mkdir', 'rmdir', 'unlink', 'readlink', 'read', 'list'].map((op) => [op, name]),
  ...['utimes', 'lutimes', 'write'].map((op) => [op, name, '1']),
  ...['rename', 'link', 'linkf'].flatMap((op) => [
    [op, name, 'taken'],
    [op, 'spare', name],
    [op, 'sparedir', name],
  ]),
  ['symlink', 'spare', name],
];

/** What was not refused. */
export const allowed = (answers: readonly Answer[]): Answer[] => answers.filter(({ answer }) => !answer.startsWith('errno '));

/** Runs a module to its end without any grant but those named. */
export async function run(
  source: string | Uint8Array,
  options: { args?: readonly string[]; grants?: readonly (Grant | string)[] } = {},
): Promise<{ stdout: string; stderr: string; status: ExitStatus }> {
  await using machine = await Machine.boot({ cpus: 0 });
  const { stdout, stderr, status } = await machine
    .process(source)
    .args(options.args ?? [])
    .capabilities(options.grants ?? ['clock', 'random'])
    .run();
  return { stdout: stdout.toString(), stderr: stderr.toString(), status };
}

/** Performs each call on the same tree, made anew where one changed it, and says which entries below its root changed. */
export async function performAlone(
  machine: Machine,
  files: Readonly<Record<string, string>>,
  grants: (root: string) => readonly Grant[],
  calls: readonly (readonly string[])[],
): Promise<(Answer & { readonly changed: readonly string[] })[]> {
  const answers: (Answer & { changed: readonly string[] })[] = [];
  let tree = temporaryTree(files);
  let before = snapshot(tree.path);
  for (const call of calls) {
    const [answer] = await perform(machine, grants(tree.path), [call]);
    const after = snapshot(tree.path);
    const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
    answers.push({ ...answer!, changed });
    if (changed.length === 0) continue;
    tree[Symbol.dispose]();
    tree = temporaryTree(files);
    before = snapshot(tree.path);
  }
  tree[Symbol.dispose]();
  return answers;
}

/** Performs calls that must all be refused and change nothing; gives what was done all the same. */
export async function performRefused(
  machine: Machine,
  files: Readonly<Record<string, string>>,
  grants: (root: string) => readonly Grant[],
  calls: readonly (readonly string[])[],
): Promise<{ readonly allowed: readonly Answer[]; readonly changed: readonly string[] }> {
  using tree = temporaryTree(files);
  const before = snapshot(tree.path);
  const answers = await perform(machine, grants(tree.path), calls);
  const after = snapshot(tree.path);
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
  return { allowed: allowed(answers), changed };
}

export const NOTHING_DONE = { allowed: [], changed: [] } as const;

/** Turns of the event loop until `done` holds; the test's own time limit ends what never comes. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}
