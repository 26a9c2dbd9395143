// Every command of the packages starts and ends cleanly; jq and rg, which a host may lack, give what Node computes.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMANDS, guest, host, sample, sampleFiles } from './userland.ts';

const cwd = sample();
afterAll(() => fs.rmSync(cwd, { recursive: true }));

/** Exit codes other than 0: those that have no help, that always fail, that are stubs, or that would start other programs. */
const OTHERWISE: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['column', 'du', 'false', 'rev', 'sleep', 'strings', 'tty'].map((name) => [name, 1])),
  ...Object.fromEntries(['awk', 'egrep', 'fgrep', 'grep', 'jq', 'rg'].map((name) => [name, 2])),
  ...Object.fromEntries(['env', 'nice', 'nohup', 'stdbuf'].map((name) => [name, 127])),
  timeout: 125,
};
const STUB = /not (fully )?supported|not available/;

test.each([...COMMANDS.keys()])('%s --help', async (command) => {
  const { stdout, stderr, code } = await guest(`${command} --help`, { cwd });
  if (STUB.test(stderr)) expect(code).toBe(1);
  else expect([command, code, stderr]).toEqual([command, OTHERWISE[command] ?? 0, code === 0 ? '' : stderr]);
  expect(stdout + stderr === '').toBe(['[', 'sync', 'test'].includes(command));
});

describe('jq', () => {
  interface Row {
    readonly id: number;
    readonly name: string;
    readonly n: number;
  }
  const input = sampleFiles()['numbers.json'] as string;
  const rows = JSON.parse(input) as Row[];
  /** jq of this build sorts an object's keys. */
  const sorted = (row: Row) => ({ id: row.id, n: row.n, name: row.name });
  const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

  test.each<[string, string]>([
    ['jq .', `${JSON.stringify(rows.map(sorted), undefined, 2)}\n`],
    ["jq -c '.[]'", lines(rows.map(sorted))],
    ["jq -r '.[].name'", rows.map(({ name }) => `${name}\n`).join('')],
    ["jq -c 'map(select(.n > 90))'", lines([rows.filter(({ n }) => n > 90).map(sorted)])],
    ["jq -c 'sort_by(.n) | map(.id)'", lines([rows.toSorted((a, b) => a.n - b.n).map(({ id }) => id)])],
    ["jq '[.[].n] | add'", lines([rows.reduce((sum, { n }) => sum + n, 0)])],
    ['jq length', lines([rows.length])],
    ["jq -c '[.[].name] | unique'", lines([[...new Set(rows.map(({ name }) => name))].sort()])],
    ["jq -c '.[0] | keys'", lines([['id', 'n', 'name']])],
    ["jq -c 'map(.n) | [min, max]'", lines([[Math.min(...rows.map(({ n }) => n)), Math.max(...rows.map(({ n }) => n))]])],
    ["jq -c '.[3:6] | map({(.name): .n})'", lines([rows.slice(3, 6).map(({ name, n }) => ({ [name]: n }))])],
    ["jq -n '1 + 2'", '3\n'],
  ])('%s', async (line, expected) => {
    const got = await guest(line, { cwd, input });
    expect(got).toEqual({ stdout: expected, stderr: '', code: 0 });
    const theirs = host(line.replace('jq ', 'jq -S '), { cwd, input });
    if (theirs !== undefined) expect(theirs.stdout).toBe(expected);
  });

  test('exit codes', async () => {
    expect((await guest("jq -e '.[0].missing'", { cwd, input })).code).toBe(1);
    expect((await guest("jq '.['", { cwd, input })).code).not.toBe(0);
    expect((await guest('jq .', { cwd, input: '{"not": ' })).code).not.toBe(0);
  });
});

describe('rg', () => {
  /** Files under a directory as rg walks it: hidden ones left out, in order. */
  function visible(directory: string): string[] {
    return fs
      .readdirSync(path.join(cwd, directory), { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.'))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const name = path.posix.join(directory, entry.name);
        if (entry.isDirectory()) return visible(name);
        return entry.isFile() ? [name] : [];
      });
  }
  const search = (pattern: RegExp, files: readonly string[], show: (file: string, line: string, number: number) => string) =>
    files
      .flatMap((file) => {
        const lines = fs.readFileSync(path.join(cwd, file), 'utf8').split('\n');
        return lines.flatMap((line, i) => (pattern.test(line) ? [`${show(file, line, i + 1)}\n`] : []));
      })
      .join('');
  const all = (file: string, line: string, number: number) => `${file}:${number}:${line}`;

  test.each<[string, string]>([
    ['rg fox sub', search(/fox/, visible('sub'), all)],
    ['rg -i FOX sub', search(/fox/i, visible('sub'), all)],
    ['rg -w fox sub', search(/\bfox\b/, visible('sub'), all)],
    ['rg -e fox -e lazy sub', search(/fox|lazy/, visible('sub'), all)],
    ["rg '^(\\w+) two' sub", search(/^(\w+) two/, visible('sub'), all)],
    ['rg fox text.txt', search(/fox/, ['text.txt'], (_file, line, number) => `${number}:${line}`)],
    ['rg -v fox sub/two.txt', search(/^(?!fox).+/, ['sub/two.txt'], (_file, line, number) => `${number}:${line}`)],
    ['rg zebra sub', ''],
  ])('%s', async (line, expected) => {
    expect(await guest(line, { cwd, rights: ['read'] })).toEqual({ stdout: expected, stderr: '', code: expected === '' ? 1 : 0 });
  });

  test('exit codes', async () => {
    expect((await guest("rg '('", { cwd })).code).toBe(2);
    expect((await guest('rg fox missing', { cwd })).code).not.toBe(0);
  });
});

describe('the command line', () => {
  const launcher = path.join(import.meta.dirname, '../../bin/superos.js');
  function superos(args: readonly string[], input = '') {
    const { stdout, stderr, status } = spawnSync(process.execPath, [launcher, 'run', ...args], { cwd, input, encoding: 'utf8' });
    return { stdout, stderr, status };
  }
  const wasm = (command: string) => COMMANDS.get(command)!;
  const text = sampleFiles()['text.txt'] as string;

  test('a file in an opened directory', () => {
    const { stdout } = host('sha256sum text.txt', { cwd })!;
    expect(superos(['-v', `${cwd}:/data:ro`, '--cwd', '/data', wasm('sha256sum'), 'text.txt'])).toEqual({
      stdout,
      stderr: '',
      status: 0,
    });
  });

  test('standard input', () => {
    expect(superos([wasm('tr'), 'a-z', 'A-Z'], text)).toEqual({ stdout: text.toUpperCase(), stderr: '', status: 0 });
  });

  test("the guest's own exit status", () => {
    expect(superos([wasm('awk'), 'BEGIN { exit 3 }']).status).toBe(3);
  });

  test('a directory opened under its own name', () => {
    const { stdout, status } = superos(['--dir', '.', wasm('rg'), 'fox', 'sub']);
    expect({ stdout, status }).toEqual({
      stdout: 'sub/deep/three.md:1:# fox\nsub/one.txt:1:fox one\nsub/two.txt:1:fox two\n',
      status: 0,
    });
  });

  test('a file outside', () => {
    const { stdout, stderr, status } = superos(['--dir', '.', wasm('cat'), '/etc/passwd']);
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
    expect(stderr).toMatch(/^cat: \/etc\/passwd: /);
  });

  test('a program that never ends', () => {
    expect(superos(['--timeout', '200ms', '--json', wasm('sleep'), '60'])).toMatchObject({ stdout: '', status: 124 });
  });
});
