// `superos inspect`: what a program imports, exports and uses, and what protects it on this host. It runs nothing of the program.
import { createHash } from 'node:crypto';
import { engine } from '../hal/node/engine.ts';
import { nodeMmu } from '../hal/node/mmu/mmu.ts';
import { nullPageOf, type ProcessProtection, protectionOf } from '../kernel/protection.ts';
import { readWhole } from '../machine/file.ts';
import { assemble } from '../machine/source.ts';
import { inspectModule, type ModuleReport } from '../runtime/inspect.ts';
import type { ExportLayout, Layout, MemoryLayout, TableLayout } from '../runtime/layout.ts';
import { Programs } from '../runtime/program.ts';
import { CALLS, type Call, TABLE } from '../syscalls/table.ts';
import { CommandError, STATUS } from './error.ts';
import { unreadable } from './file.ts';
import { programOf } from './program.ts';
import { type Cell, coloured, print, table } from './table.ts';

interface Imported {
  readonly module: string;
  readonly name: string;
  /** Groups of system calls that it is in, as policies name them; undefined where it is no system call. */
  readonly groups: readonly string[] | undefined;
  /** What a process must hold for it: kinds of objects. */
  readonly needs: readonly string[];
}

interface Report extends ModuleReport {
  readonly program: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly imports: readonly Imported[];
  readonly exports: readonly ExportLayout[];
  readonly memories: readonly MemoryLayout[];
  readonly tables: readonly TableLayout[];
  /** Whether an instance can serve one process after another, or why not. */
  readonly recyclable: true | string;
  readonly protection: ProcessProtection;
}

const calls: ReadonlyMap<string, Call> = new Map(
  CALLS.map((name) => {
    const call: Call = TABLE[name];
    return [`${call.abi} ${call.name}`, call];
  }),
);

function imported({ module, name }: Layout['functions'][number]): Imported {
  const call = calls.get(`${module} ${name}`);
  const needs = call?.params.flatMap(({ kind, object }) => {
    if (kind === 'capability') return ['descriptor'];
    return kind === 'handle' && object !== undefined ? [object] : [];
  });
  return { module, name, groups: call?.groups, needs: [...new Set(needs ?? [])] };
}

/** Throws CommandError. */
async function report(path: string): Promise<Report> {
  if (path === '-') throw new CommandError('inspect needs the path of a program, not standard input');
  const { layout, name } = await programOf(path, new Programs(engine), { snapshot: true });
  const bytes = await bytesOf(path);
  return {
    program: name,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    imports: layout.functions.map(imported),
    exports: layout.exports,
    memories: layout.memories,
    tables: layout.tables,
    ...inspectModule(bytes),
    recyclable: layout.recycle ?? 'its state cannot be captured',
    protection: protectionOf(layout, {}, nullPageOf(layout, nodeMmu())),
  };
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    const bytes = readWhole(path);
    if (bytes !== undefined) return path.endsWith('.wat') ? await assemble(bytes, path) : bytes;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new CommandError(`${path} is not a file`, STATUS.notRunnable);
}

/** The exit status. */
export async function inspect(
  path: string,
  json: boolean,
  write: (lines: readonly string[]) => void = (lines) => void print(lines),
): Promise<number> {
  const found = await report(path);
  write(json ? [JSON.stringify(found)] : table(rows(found), coloured()));
  return STATUS.ok;
}

const LISTED_MAX = 12;

function rows(found: Report): Cell[][] {
  const { imports, exports, memories, tables, indirect, protection, stack } = found;
  const head = (text: string): Cell => ({ text, colour: 'bold' });
  const lines: Cell[][] = [[head('program'), { text: `${found.program}, ${found.bytes} bytes, ${found.functions} functions` }]];
  const add = (name: string, ...texts: readonly string[]): void => {
    texts.forEach((text, i) => {
      lines.push([head(i === 0 ? name : ''), { text }]);
    });
  };
  const some = (items: readonly string[]): string[] =>
    items.length <= LISTED_MAX
      ? [...items]
      : [...items.slice(0, LISTED_MAX), `... and ${items.length - LISTED_MAX} more (--json lists all)`];
  add('sha256', found.sha256);
  add('uses', found.features.join(', ') || 'nothing beyond the first version of WebAssembly');
  for (const module of new Set(imports.map((one) => one.module))) {
    const own = imports.filter((one) => one.module === module);
    add(`imports ${module}`, ...some(own.map(importText)));
  }
  add('exports', ...some(exports.map(({ name, kind }) => `${kind} ${name}`)));
  add('memories', ...memories.map(memoryText));
  add(
    'tables',
    ...tables.map(({ element, minimum, maximum }) => `${element}, ${minimum} to ${maximum ?? 'any number of'} elements`),
  );
  add(
    'indirect calls',
    ...some(indirect.map(({ type, calls, functions }) => `${type}: ${calls} calls can reach ${functions} functions`)),
  );
  add(
    'stack found',
    typeof stack === 'string'
      ? `no: ${stack}`
      : `by its ${stack.by}, from ${stack.high} down to ${stack.low}${stack.exact ? '' : ' at the lowest'}`,
  );
  add('recyclable', found.recyclable === true ? 'yes' : `no: ${found.recyclable}`);
  for (const [name, text, holds] of protections(protection))
    lines.push([head(name), { text, colour: holds ? 'green' : 'yellow' }]);
  return lines;
}

function importText({ name, groups, needs }: Imported): string {
  if (groups === undefined) return `${name}: no system call; a function of the embedder, or what calls it ends`;
  return `${name}: ${groups.map((group) => `@${group}`).join(' ')}${needs.length === 0 ? '' : `, needs a ${needs.join(' and a ')}`}`;
}

const memoryText = ({ minimum, maximum, shared, address }: MemoryLayout): string =>
  `${minimum} to ${maximum ?? 'any number of'} pages of 64 KiB${shared ? ', shared by threads' : ''}${address === 'i64' ? ', 64-bit addresses' : ''}`;

type Line = readonly [name: string, text: string, holds: boolean];

function protections({ stack, canary, nullPage, aslr }: ProcessProtection): Line[] {
  const line = <T extends object | true>(name: string, value: T | string, text: (value: T) => string): Line =>
    typeof value === 'string' ? [name, `no: ${value}`, false] : [name, text(value), true];
  return [
    line('stack guard', stack, ({ bytes, exact, by }) => {
      const size = `${exact ? '' : 'at most '}${bytes} bytes`;
      return by === 'check' ? `writes of the stack pointer are checked: ${size}` : `memory ends below it: ${size}`;
    }),
    line('canary', canary, ({ address, entropyBits }) => `at 0x${address.toString(16)}, ${entropyBits} bits of entropy`),
    line('null page', nullPage, () => 'inaccessible'),
    line('random stack', aslr, ({ stackBits }) => `${stackBits} bits of entropy`),
    ['W^X', 'no process can run what it can write', true],
  ];
}
