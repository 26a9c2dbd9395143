// The commands of the agentOS packages, run as processes on a directory, beside the host's own commands on the same files.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Machine, type Program } from '../../src/index.ts';

const scope = path.join(import.meta.dirname, '../../node_modules/@rivet-dev');

/** Where each command's module is. */
export const COMMANDS: ReadonlyMap<string, string> = new Map(
  ['coreutils', 'grep', 'sed', 'gawk', 'ripgrep', 'jq'].flatMap((name) => {
    const directory = path.join(scope, `agent-os-${name}`, 'wasm');
    return fs.readdirSync(directory).map((command) => [command, path.join(directory, command)] as const);
  }),
);

/** The environment of guest and host command alike. */
const ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' } as const;
/** The name of the directory in the guest. */
const AT = '/data';

const machine = await Machine.boot({ cpus: 0 });
const programs = new Map<string, Program>();

async function program(command: string): Promise<Program> {
  let made = programs.get(command);
  if (made === undefined) {
    const file = COMMANDS.get(command);
    if (file === undefined) throw new Error(`no package has the command ${command}`);
    made = await machine.compile(fs.readFileSync(file), command);
    programs.set(command, made);
  }
  return made;
}

export interface Outcome {
  /** One character a byte. */
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code, or why there is none. */
  readonly code: number | string;
}

export interface Work {
  readonly cwd: string;
  readonly input?: string | Buffer;
  readonly rights?: readonly ('read' | 'write')[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command line under the kernel, `cwd` opened as its only directory. */
export async function guest(
  line: string,
  { cwd, input = '', rights = ['read', 'write'], env = ENVIRONMENT }: Work,
): Promise<Outcome> {
  const [command = '', ...args] = words(line);
  const { stdout, stderr, status } = await machine
    .process(await program(command))
    .args(args)
    .env({ ...env, PWD: AT })
    .capabilities(['clock', 'random', 'dev', { dir: cwd, at: AT, rights }])
    .cwd(AT)
    .limits({ timeout: '30s' })
    .input(input)
    .run();
  return {
    stdout: stdout.toString('latin1'),
    stderr: stderr.toString('latin1'),
    code: status.reason === 'exit' ? (status.code ?? 'none') : `${status.reason} ${status.message}`,
  };
}

/** Runs the host's own; undefined where it has no such command. */
export function host(line: string, { cwd, input = '' }: Work): Outcome | undefined {
  const [command = '', ...args] = words(line);
  const env = { ...ENVIRONMENT, PATH: process.env['PATH'] ?? '', PWD: cwd };
  const { stdout, stderr, status, signal, error } = spawnSync(command, args, {
    cwd,
    input,
    env,
    encoding: 'latin1',
    maxBuffer: 2 ** 26,
  });
  const failure = (error as NodeJS.ErrnoException | undefined)?.code;
  if (failure === 'ENOENT') return undefined;
  // A command need not read its input to the end.
  if (failure !== undefined && failure !== 'EPIPE') throw error;
  return { stdout, stderr, code: status ?? String(signal) };
}

/** A command line's words: parted by spaces, kept together by single quotes. */
export function words(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']+|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
}

const WORDS = 'the quick brown fox jumps over a lazy dog while seven wizards brew bitter black coffee at dawn'.split(' ');
/** Seconds since 1970: long ago, so that every tool prints the year. */
const THEN = 1_000_000_000;
const LINES = 400;

/** A generator of numbers that look random and are the same each time (glibc's constants for rand). */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** What the sample directory holds. */
export function sampleFiles(): Record<string, string | Buffer> {
  const next = sequence(7);
  const lines = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');
  return {
    'text.txt': lines(LINES, () => Array.from({ length: 1 + next(12) }, () => WORDS[next(WORDS.length)]).join(' ')),
    'numbers.txt': lines(LINES, () => String(next(2000) - 1000)),
    'table.csv': lines(LINES, (i) => `${i},${WORDS[next(WORDS.length)]},${next(100)},${(next(10_000) / 100).toFixed(2)}`),
    'sorted1.txt': lines(60, (i) => `key${String(i).padStart(3, '0')} one${next(9)}`),
    'sorted2.txt': lines(60, (i) => `key${String(i * 2).padStart(3, '0')} two${next(9)}`),
    'repeats.txt': lines(120, (i) => WORDS[Math.floor(i / 5) % 7]!),
    'tabs.txt': lines(40, (i) => `\tcolumn${i}\tx\t\ty${next(99)}    z`),
    'sizes.txt': lines(30, () => `${1 + next(999)}${['K', 'M', 'G', ''][next(4)]}`),
    'months.txt': lines(30, () => `${['Feb', 'Jan', 'DEC', 'Jul', 'apr'][next(5)]} ${next(50)}`),
    'versions.txt': lines(30, () => `v${next(12)}.${next(12)}.${next(12)}`),
    'unfinished.txt': 'no newline\nat the end',
    'empty.txt': '',
    'blank.txt': 'one\n\n\n\ntwo\n   \n\nthree\n',
    'binary.bin': Buffer.from(Array.from({ length: 3000 }, () => next(256))),
    'edges.txt': 'a b\na c\nb d\nc d\nd e\n',
    'long.txt': lines(20, () => Array.from({ length: 60 }, () => WORDS[next(WORDS.length)]).join(' ')),
    'numbers.json': JSON.stringify(
      Array.from({ length: 50 }, (_, i) => ({ id: i, name: WORDS[next(WORDS.length)], n: next(100) })),
    ),
    'sub/one.txt': 'fox one\n',
    'sub/two.txt': 'fox two\nlazy\n',
    'sub/deep/three.md': '# fox\n\nnothing\n',
    'sub/deep/.hidden': 'fox hidden\n',
  };
}

/** A new directory with the sample files and links, of a fixed time each. */
export function sample(): string {
  const root = fs.mkdtempSync(path.join(tmpdir(), 'superos-userland-'));
  for (const [name, content] of Object.entries(sampleFiles())) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), content, { mode: 0o644 });
  }
  fs.symlinkSync('text.txt', path.join(root, 'link.txt'));
  fs.symlinkSync('../empty.txt', path.join(root, 'sub/up.txt'));
  fs.symlinkSync('nowhere', path.join(root, 'dangling'));
  // No two are the same, so that an order by time is one.
  for (const [i, entry] of ['', ...entries(root)].entries()) fs.lutimesSync(path.join(root, entry), THEN - i, THEN - i);
  return root;
}

const entries = (root: string): string[] => (fs.readdirSync(root, { recursive: true }) as string[]).sort();

/** What a directory holds: type, permissions, content or target of each entry; and times and links where they are asked for. */
export function tree(root: string, { times = false, links = false } = {}): string[] {
  return entries(root).map((name) => {
    const full = path.join(root, name);
    const stat = fs.lstatSync(full);
    const content = stat.isSymbolicLink() ? `-> ${fs.readlinkSync(full)}` : stat.isFile() ? fs.readFileSync(full, 'latin1') : '/';
    const mode = stat.isSymbolicLink() ? '' : ` ${(stat.mode & 0o777).toString(8)}`;
    return `${name}${mode}${times ? ` ${Math.floor(stat.mtimeMs / 1000)}` : ''}${links && stat.isFile() ? ` ${stat.nlink}` : ''} ${content}`;
  });
}
