// The launcher's cache of V8's compiled JavaScript: it speeds a start up and never decides what runs.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guest, root, superos } from '../e2e/command.ts';

let home: string;
let directory: string;

beforeEach(() => {
  home = fs.mkdtempSync(path.join(tmpdir(), 'superos-launcher-'));
  directory = path.join(home, 'superos', 'js');
});
afterEach(() => fs.rmSync(home, { recursive: true }));

const hello = () => superos([guest('hello')], { env: { XDG_CACHE_HOME: home } });
const HELLO = { stdout: 'Hello from C\n', stderr: '', status: 0 };
/** Those of the scripts that were run, by digest, version and command. */
const entries = () => fs.readdirSync(directory).sort();
const entryOf = (script: string) => {
  const [digest] = /[0-9a-f]{32}/.exec(fs.readFileSync(path.join(root, 'dist', script), 'latin1'))!;
  return entries().find((name) => name.startsWith(digest));
};
/** Of what every run takes. */
const entry = () => path.join(directory, entryOf('cli.cjs')!);

test('the first run makes it, with what it alone takes; later ones use it as it is', () => {
  expect(hello()).toEqual(HELLO);
  const made = entries();
  expect(made.length).toBeGreaterThan(1);
  const before = fs.statSync(entry(), { bigint: true });
  expect(hello()).toEqual(HELLO);
  expect(fs.statSync(entry(), { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
  expect(entries()).toEqual(made);
  expect(Number(before.mode) & 0o777).toBe(0o600);
});

test('what a run does not ask for is not run', () => {
  expect(superos(['--dir', path.join(root, 'guests'), guest('hello')], { env: { XDG_CACHE_HOME: home } })).toEqual(HELLO);
  expect(entryOf('cli.cjs')).toBeDefined();
  expect(entryOf('cli-more.cjs')).toBeUndefined();
  expect(superos(['--policy', 'strict', guest('hello')], { env: { XDG_CACHE_HOME: home } })).toEqual(HELLO);
  expect(entryOf('cli-more.cjs')).toBeDefined();
});

test('another command has its own', () => {
  superos(['--version'], { env: { XDG_CACHE_HOME: home } });
  const made = entries();
  hello();
  expect(made.length).toBeGreaterThan(0);
  expect(made.filter((name) => !name.endsWith('--version'))).toEqual([]);
  expect(entries()).toEqual(expect.arrayContaining(made));
  expect(entries().filter((name) => name.endsWith('-run'))).not.toEqual([]);
});

test('a run that came to nothing makes none', () => {
  superos(['/absent'], { env: { XDG_CACHE_HOME: home } });
  expect(fs.readdirSync(directory)).toEqual([]);
});

test.each([0, 0.2, 0.4, 0.6, 0.8, 0.999])('damaged at %d of its length: made anew', (part) => {
  hello();
  const good = fs.readFileSync(entry());
  const bad = Buffer.from(good);
  bad[Math.floor(part * bad.length)]! ^= 0xff;
  fs.writeFileSync(entry(), bad);
  expect(hello()).toEqual(HELLO);
  expect(fs.readFileSync(entry()).equals(bad)).toBe(false);
});

test.each([0, 1, 64, 10_000])('cut off at %d: made anew', (length) => {
  hello();
  fs.truncateSync(entry(), length);
  expect(hello()).toEqual(HELLO);
  expect(fs.statSync(entry()).size).toBeGreaterThan(10_000);
});

test('not used where others can write', () => {
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(directory, 0o777);
  expect(hello()).toEqual(HELLO);
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('no place for it: the program runs', () => {
  fs.writeFileSync(path.join(home, 'superos'), '');
  expect(hello()).toEqual(HELLO);
});

test('none in the current directory for a user without a home', () => {
  const cwd = path.join(home, 'cwd');
  fs.mkdirSync(cwd);
  expect(superos([guest('hello')], { env: { XDG_CACHE_HOME: '', HOME: '' }, cwd })).toEqual(HELLO);
  expect(fs.readdirSync(cwd)).toEqual([]);
});

test('what other builds left goes after a week', () => {
  hello();
  const stale = path.join(directory, 'stale');
  const recent = path.join(directory, 'recent');
  for (const name of [stale, recent]) fs.writeFileSync(name, '');
  fs.utimesSync(stale, 1000, 1000);
  fs.rmSync(entry());
  hello();
  expect(fs.existsSync(stale)).toBe(false);
  expect(fs.existsSync(recent)).toBe(true);
});
