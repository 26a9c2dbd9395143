// SECURITY.md 24. Escape sequences in the names of programs, arguments, functions, exports, imports and files: neutralised where a
// person reads them, untouched in what a guest writes.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Machine, SuperosError } from '../../src/index.ts';
import { guest, perform, temporaryTree, WASI, wat } from '../machine/guests.ts';

const launcher = path.join(import.meta.dirname, '../../bin/superos.js');
/** A title, a colour, a cleared screen, a CSI of one character, a bell, and text that turns around. */
const EVIL = '\x1b]0;owned\x07\x1b[31m\x1b[2J\u009b31m\r\b\u202etxt.exe\u2066\u2028';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
/** In the text format. */
const quoted = [...Buffer.from(EVIL)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');

const superos = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    encoding: 'utf8',
    env: { ...process.env, FORCE_COLOR: '1' },
  });
  return { status, stdout, stderr };
};

describe('the command line', () => {
  const cases: Record<string, { fields: string; args?: readonly string[]; status: number }> = {
    'a function that traps': {
      fields: `(func $"${quoted}" unreachable) (func (export "_start") (call $"${quoted}"))`,
      status: 134,
    },
    'a call that does not exist': {
      fields: `(import "${quoted}" "${quoted}x" (func $f)) (func (export "_start") (call $f))`,
      status: 134,
    },
    'an import of a host value': {
      fields: `(import "${quoted}" "${quoted}" (global externref)) (func (export "_start"))`,
      status: 126,
    },
    'exports that are listed': { fields: `(func (export "${quoted}"))`, status: 126 },
    'an export that is not there': { fields: `(func (export "${quoted}"))`, args: ['--invoke', `${EVIL}x`], status: 126 },
    'an export with other arguments': {
      fields: `(func (export "${quoted}") (param i32))`,
      args: ['--invoke', EVIL],
      status: 126,
    },
  };

  test.each(Object.entries(cases))('%s', async (_name, { fields, args = [], status }) => {
    using tree = temporaryTree();
    const file = path.join(tree.path, `${EVIL}.wasm`);
    fs.writeFileSync(file, await wat(fields));
    const result = superos('run', '--no-cache', '--argv0', EVIL, ...args, file);
    expect(result).toEqual({ status, stdout: '', stderr: expect.stringMatching(/^superos: /) });
    expect(result.stderr).not.toMatch(CONTROL);
    expect(result.stderr).toMatch(/owned|superos: /);
  });

  test.each([
    ['run', '--no-cache', `/none/${EVIL}.wasm`],
    ['run', '--no-cache', '--dir', `/none/${EVIL}`, guest('hello')],
    ['run', `--${EVIL}`, guest('hello')],
    ['run', '--memory', EVIL, guest('hello')],
    ['run', '--cap', EVIL, guest('hello')],
    ['run', '--cwd', `/none/${EVIL}`, guest('hello')],
    ['run', '--env', `=${EVIL}`, guest('hello')],
    [EVIL],
    ['help', EVIL],
  ])('%j', (...args) => {
    const { status, stderr } = superos(...args);
    expect(status).toBeGreaterThanOrEqual(125);
    expect(stderr).not.toMatch(CONTROL);
    expect(stderr).toMatch(/^superos: .*\n/);
  });

  test('a status in JSON is one line without them', async () => {
    using tree = temporaryTree();
    const file = path.join(tree.path, 'evil.wasm');
    fs.writeFileSync(file, await wat(`(func $"${quoted}" unreachable) (func (export "_start") (call $"${quoted}"))`));
    const { stderr } = superos('run', '--no-cache', '--json', file);
    expect(stderr).not.toMatch(CONTROL);
    expect(JSON.parse(stderr)).toMatchObject({ reason: 'trap' });
  });
});

test('errors and messages of the embedding API', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  using tree = temporaryTree();
  const file = path.join(tree.path, `${EVIL}.wasm`);
  fs.writeFileSync(file, await wat(`(import "${quoted}" "x" (global externref)) (func (export "_start"))`));
  const refused = await machine
    .process(file)
    .spawn()
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SuperosError);
  expect((refused as SuperosError).message).not.toMatch(CONTROL);
  const { status } = await machine
    .process(await wat(`(func $"${quoted}" unreachable) (func (export "_start") (call $"${quoted}"))`))
    .run();
  expect(status.reason).toBe('trap');
  expect(status.message).toMatch(/owned/);
  expect(status.message).not.toMatch(CONTROL);
});

describe('what a guest writes', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const writer = () =>
    wat(`${WASI('fd_write')} (memory (export "memory") 1) (data (i32.const 0) "\\00\\01\\00\\00\\00\\01\\00\\00")
      (data (i32.const 256) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")
      (func (export "_start")
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16))))`);

  test('reaches a pipe as it is, both outputs', async () => {
    await using machine = await Machine.boot({ cpus: 0 });
    const { stdout, stderr } = await machine.process(await writer()).run();
    expect([stdout, stderr]).toEqual([bytes, bytes]);
    using tree = temporaryTree();
    const file = path.join(tree.path, 'writer.wasm');
    fs.writeFileSync(file, await writer());
    const child = spawnSync(process.execPath, [launcher, 'run', '--no-cache', file]);
    expect([child.stdout, child.stderr]).toEqual([bytes, bytes]);
  });

  test('reaches files, their names and listings as it is', async () => {
    await using machine = await Machine.boot({ cpus: 0 });
    using tree = temporaryTree();
    const name = EVIL.replaceAll('\r', '').replaceAll('\x07', '');
    const answers = await perform(
      machine,
      [{ dir: tree.path }],
      [
        ['write', name, EVIL.replaceAll('\r', '')],
        ['read', name],
        ['list', '.'],
      ],
    );
    const latin = (text: string) => Buffer.from(text).toString('latin1');
    expect(answers.map(({ answer }) => answer)).toEqual([
      'ok',
      latin(`data ${EVIL.replaceAll('\r', '')}`),
      latin(`entries . .. ${name}`),
    ]);
    expect(fs.readdirSync(tree.path)).toEqual([name]);
    expect(fs.readFileSync(path.join(tree.path, name), 'utf8')).toBe(EVIL.replaceAll('\r', ''));
  });
});
