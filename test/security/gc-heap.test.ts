// SECURITY.md 21, the heap of GC objects. V8 aborts the host that a full heap belongs to; whoever fills it ends first, and nobody else:
// each host here has a small heap, in place and on a thread.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const CHILD = path.join(import.meta.dirname, 'gc-child.ts');

interface Outcome {
  readonly status: number | null;
  readonly ended: readonly string[];
  readonly running: number;
}

/** How the guests ended in a host whose heap holds so many megabytes. */
async function host(megabytes: number, ...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [`--max-old-space-size=${megabytes}`, CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.resume();
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, ended: [], running: -1, ...(out === '' ? {} : JSON.parse(out)) };
}

const limited = (name: string) => expect.stringMatching(new RegExp(`^${name} memory-limit: `));

/** Guests of gc-child.ts. */
const HOARDERS = [
  'list',
  'defaults',
  'huge',
  'arrays',
  'fixed',
  'segments',
  'elements',
  'exceptions',
  'chain',
  'constants',
  'constantElements',
];

describe.each(['place', 'thread'])('in %s', (where) => {
  test.each(HOARDERS)('%s', async (name) => {
    expect(await host(64, where, name)).toEqual({ status: 0, ended: [limited(name)], running: 0 });
  });

  test('tables', async () => {
    expect(await host(32, where, 'tables')).toEqual({ status: 0, ended: [limited('tables')], running: 0 });
    expect(await host(32, where, 'grownTables')).toEqual({ status: 0, ended: ['grownTables exit: null'], running: 0 });
  });

  test('the one that hoards ends, and not the one that makes garbage, whichever came first', async () => {
    expect(await host(96, where, 'garbage', 'list')).toEqual({ status: 0, ended: [limited('list')], running: 1 });
    expect(await host(96, where, 'list', 'garbage')).toEqual({ status: 0, ended: [limited('list')], running: 1 });
  });

  test('the limit of a process holds beside others', async () => {
    const { status, ended, running } = await host(1024, where, 'garbage:32m', 'list:32m', 'garbage');
    expect({ status, ended, running }).toEqual({ status: 0, ended: [limited('list')], running: 2 });
    expect(ended[0]).toContain('the limit of all its memory is 32 MiB');
  });
});
