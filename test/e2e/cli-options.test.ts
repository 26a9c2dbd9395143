// Each option of `superos run`, and each exit status that CONTRACT names.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { guest, superos } from './command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-cli-'));
fs.writeFileSync(path.join(scratch, 'file'), 'content\n');
fs.mkdirSync(path.join(scratch, 'sub'));
fs.writeFileSync(path.join(scratch, 'sub', 'inner'), 'inside\n');
afterAll(() => fs.rmSync(scratch, { recursive: true }));

const ok = (stdout: string) => ({ stdout, stderr: '', status: 0 });

describe('a program', () => {
  test.each([
    ['with run', ['run', guest('hello')]],
    ['without', [guest('hello')]],
    ['after --', ['run', '--', guest('hello')]],
    ['without a cache', ['run', '--no-cache', guest('hello')]],
  ])('%s', (_, args) => {
    expect(superos(args)).toEqual(ok('Hello from C\n'));
  });

  test('that was run before comes from the cache', () => {
    const cache = fs.mkdtempSync(path.join(scratch, 'cache-'));
    const file = path.join(scratch, 'settled.wasm');
    fs.copyFileSync(guest('hello'), file);
    const env = { XDG_CACHE_HOME: cache };
    for (let i = 0; i < 3; i++) expect(superos([file], { env })).toEqual(ok('Hello from C\n'));
    expect(fs.readdirSync(path.join(cache, 'superos', 'code'))).toContainEqual(expect.stringMatching(/^code-/));
    superos(['--no-cache', guest('exit')], { env });
    expect(fs.readdirSync(path.join(cache, 'superos', 'code')).filter((name) => name.startsWith('code-'))).toHaveLength(1);
  });

  test('gets everything after its name', () => {
    const args = ['--dir', '-v', '--', '--help', '', 'a b'];
    expect(superos(['--argv0', 'me', guest('args-env'), ...args])).toEqual(ok(`me\n${args.join('\n')}\n`));
  });

  test('is called by its file name', () => {
    expect(superos([guest('args-env')]).stdout).toBe('args-env.wasm\n');
  });

  test('from standard input', () => {
    expect(superos(['-'], { input: fs.readFileSync(guest('hello')) })).toEqual(ok('Hello from C\n'));
  });

  test('as text: a file, and standard input', () => {
    const text = '(module (func (export "_start") (call 1)) (func))';
    const file = path.join(scratch, 'start.wat');
    fs.writeFileSync(file, text);
    expect(superos([file])).toEqual(ok(''));
    expect(superos(['-'], { input: text })).toEqual(ok(''));
  });
});

describe('directories', () => {
  const file = path.join(scratch, 'file');

  test('none without an option', () => {
    expect(superos([guest('cat'), file])).toMatchObject({ stdout: '', status: 1 });
  });

  test.each([
    [['--dir', scratch], file],
    [['--dir', `${scratch}::/data`], '/data/file'],
    [[`--dir=${scratch}::/data`], '/data/file'],
    [['-v', `${scratch}:/data`], '/data/file'],
    [['--volume', `${scratch}:/data:ro`], '/data/file'],
    [['--cap', `dir:${scratch}:/data:ro`], '/data/file'],
    [['--dir', `${scratch}::/data`, '--cwd', '/data'], 'file'],
    [['--dir', `${scratch}::/data`, '--cwd', '/data/sub'], 'inner'],
  ])('%j opens %s', (options, name) => {
    const content = name === 'inner' ? 'inside\n' : 'content\n';
    expect(superos([...options, guest('cat'), name])).toEqual(ok(content));
  });

  test('a relative one is found from the current directory', () => {
    expect(superos(['--dir', '.', guest('cat'), 'file'], { cwd: scratch })).toEqual(ok('content\n'));
  });

  test.each([
    [`${scratch}:/data`, 0],
    [`${scratch}:/data:ro`, 1],
  ])('%s: the whole of the file tests ends with %i', (volume, status) => {
    expect(superos(['-v', volume, guest('libc'), '/data']).status).toBe(status);
    expect(fs.readFileSync(file, 'utf8')).toBe('content\n');
  });

  test('--cwd sets PWD, unless --env does', () => {
    const options = ['--dir', `${scratch}::/data`, '--cwd', '/data', '--argv0', 'x'];
    expect(superos([...options, guest('args-env')]).stdout).toBe('x\nPWD=/data\n');
    expect(superos([...options, '--env', 'PWD=/else', guest('args-env')]).stdout).toBe('x\nPWD=/else\n');
  });
});

describe('environment', () => {
  test('nothing is inherited but what is named', () => {
    const env = { HOST: 'yes', OTHER: 'no', EMPTY: '' };
    const options = ['--env', 'HOST', '--env=ABSENT', '--env', 'EMPTY', '--env', 'SET=a=b', '--argv0', 'x'];
    expect(superos([...options, guest('args-env')], { env }).stdout).toBe('x\nHOST=yes\nEMPTY=\nSET=a=b\n');
    expect(superos(['--argv0', 'x', guest('args-env')], { env }).stdout).toBe('x\n');
  });
});

describe('capabilities', () => {
  test('the standard set has clock and randomness', () => {
    expect(superos([guest('clock')]).status).toBe(0);
    expect(superos([guest('random')]).status).toBe(0);
  });

  test('none drops it, and others add to what is left', () => {
    expect(superos(['--cap', 'none', guest('clock')]).status).toBe(1);
    expect(superos(['--cap', 'none', guest('random')]).status).toBe(1);
    expect(superos(['--cap', 'none', '--cap', 'clock', guest('clock')]).status).toBe(0);
    expect(superos(['--cap', 'clock', '--cap', 'none', guest('clock')]).status).toBe(0);
  });

  test('an empty tree in memory', () => {
    expect(superos(['--cap', 'tmp:/tmp:8m', guest('libc'), '/tmp']).status).toBe(0);
  });
});

describe('an export', () => {
  test.each([
    ['add', ['40', '2'], '42\n'],
    ['add', ['2147483647', '1'], '-2147483648\n'],
    ['fac', ['20'], '2432902008176640000\n'],
    ['half', ['3'], '1.5\n'],
    ['initializations', [], '1\n'],
  ])('%s(%s)', (name, args, stdout) => {
    expect(superos(['--invoke', name, guest('reactor'), ...args])).toEqual(ok(stdout));
  });

  test('floats and several results', () => {
    const file = path.join(scratch, 'values.wat');
    fs.writeFileSync(
      file,
      `(module
        (func (export "many") (result i32 i64 f32 f64) i32.const -1 i64.const -2 f32.const 0.1 f64.const 0.1)
        (func (export "odd") (result f32 f64 f64) f32.const inf f64.const -0 f64.const nan)
        (func (export "nothing")))`,
    );
    expect(superos(['--invoke', 'many', file]).stdout).toBe('-1\n-2\n0.1\n0.1\n');
    expect(superos(['--invoke', 'odd', file]).stdout).toBe('inf\n-0\nNaN\n');
    expect(superos(['--invoke', 'nothing', file])).toEqual(ok(''));
    const { stdout, stderr } = superos(['--json', '--invoke', 'odd', file]);
    expect(stdout).toBe('inf\n-0\nNaN\n');
    expect(JSON.parse(stderr)).toMatchObject({ code: 0, results: ['inf', '-0', 'NaN'] });
    expect(JSON.parse(superos(['--json', '--invoke', 'many', file]).stderr)).toMatchObject({
      results: [-1, '-2', expect.closeTo(0.1), 0.1],
    });
  });
});

describe('exit statuses', () => {
  test.each([0, 1, 42, 125, 256, 511])('exit(%i)', (code) => {
    expect(superos([guest('exit'), String(code)])).toEqual({ stdout: '', stderr: '', status: code & 0xff });
  });

  test.each([
    [
      '124: its time is over, while it sleeps',
      ['--timeout', '50ms', guest('sleeper'), '100000'],
      124,
      /^superos: sleeper.wasm was ended: .*--timeout.*\n$/,
    ],
    ['124: its time is over, while it makes calls', ['--timeout', '0.05', guest('spin-calls')], 124, /--timeout/],
    [
      '137: its CPU time is used up',
      ['--cpu-time', '0.02', guest('spin-calls')],
      137,
      /^superos: spin-calls.wasm was ended: .*--cpu-time.*\n$/,
    ],
    ['134: trapped', [guest('proc'), 'trap'], 134, /^superos: proc.wasm trapped: unreachable\n( {4}at .*\n)+$/],
    ['134: a call that SuperOS does not have', [guest('unknown')], 134, /^superos: unknown.wasm trapped: .*env.nope.*\n/],
    ['134: too deep a recursion', [guest('recurse'), 'plain'], 134, /^superos: recurse.wasm trapped: .*\n( {4}at .*\n)*$/],
    [
      '137: more memory than it may have',
      ['--memory', '64k', guest('hello')],
      137,
      /^superos: hello.wasm was ended: .*--memory.*\n$/,
    ],
    // SIGKILL, SIGBUS, SIGUSR1 and SIGSYS have other numbers in WASI than on Linux, from SIGSTKFLT's place on.
    ['137: killed itself', [guest('proc'), 'raise', '9'], 137, /SIGKILL/],
    ['135: SIGBUS', [guest('proc'), 'raise', '7'], 135, /SIGBUS/],
    ['159: SIGSYS is 30 in WASI and 31 here', [guest('proc'), 'raise', '30'], 159, /SIGSYS/],
  ])('%s', (_, args, status, stderr) => {
    expect(superos(args)).toEqual({ stdout: '', status, stderr: expect.stringMatching(stderr) });
  });
});

describe('--json', () => {
  const json = (args: readonly string[]) => JSON.parse(superos(['--json', ...args]).stderr) as Record<string, unknown>;

  test('one line says everything', () => {
    const { stdout, stderr, status } = superos(['run', '--json', guest('hello')]);
    expect({ stdout, status }).toEqual({ stdout: 'Hello from C\n', status: 0 });
    expect(stderr).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(stderr)).toEqual({
      status: 0,
      code: 0,
      signal: null,
      reason: 'exit',
      message: null,
      usage: expect.objectContaining({ bytesWritten: 13, memoryPeak: 131_072, calls: { fd_write: 1 } }),
    });
  });

  test('how it ended', () => {
    expect(json([guest('proc'), 'trap'])).toMatchObject({
      code: null,
      reason: 'trap',
      message: expect.stringMatching(/^unreachable\n/),
    });
    expect(json(['--timeout', '20ms', guest('sleeper'), '100000'])).toMatchObject({ reason: 'timeout', signal: 'SIGKILL' });
    expect(json(['--memory', '1', guest('hello')])).toMatchObject({ reason: 'memory-limit' });
    expect(json(['--cpu-time', '20ms', guest('spin-calls')])).toMatchObject({
      status: 137,
      reason: 'cpu-limit',
      signal: 'SIGKILL',
      message: expect.stringMatching(/20 ms/),
    });
    expect(json([guest('exit'), '256'])).toMatchObject({ status: 0, code: 256 });
    expect(json([guest('proc'), 'raise', '15'])).toMatchObject({ reason: 'signal', signal: 'SIGTERM' });
  });
});

describe('--json of a program that could not be started', () => {
  test.each([
    ['/nowhere.wasm', 127, /no program/],
    [guest('externref'), 126, /externref/],
  ])('%s', (program, status, message) => {
    const { stdout, stderr, status: ended } = superos(['--json', program]);
    expect({ stdout, status: ended }).toEqual({ stdout: '', status });
    expect(stderr).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(stderr)).toEqual({
      status,
      code: null,
      signal: null,
      reason: null,
      message: expect.stringMatching(message),
      usage: null,
    });
  });
});

describe('limits', () => {
  test('--pids: the program itself is one', () => {
    expect(superos(['--pids', '1', guest('hello')]).stdout).toBe('Hello from C\n');
    expect(superos(['--pids', '0', guest('hello')])).toEqual({
      stdout: '',
      status: 125,
      stderr: expect.stringMatching(/^superos: --pids: hello.wasm: .*processes.*\n$/),
    });
  });

  test.each(['--raw', '--dedicated'])('%s', (option) => {
    expect(superos([option, guest('hello')])).toEqual(ok('Hello from C\n'));
    expect(superos([option, guest('cat')], { input: 'to and fro' })).toEqual(ok('to and fro'));
    expect(superos([option, guest('exit'), '7']).status).toBe(7);
    // Nothing in such a program looks up, and yet it ends.
    const spin = path.join(scratch, 'spin.wat');
    fs.writeFileSync(spin, '(module (func (export "_start") (loop $again (br $again))))');
    expect(superos([option, '--timeout', '50ms', spin])).toMatchObject({ status: 124 });
    expect(superos([option, '--cpu-time', '50ms', spin])).toMatchObject({ status: 137 });
  });

  test('--nice', () => {
    expect(superos(['--nice', '-5', guest('hello')]).stdout).toBe('Hello from C\n');
    expect(superos(['--nice', '20', guest('hello')])).toEqual({
      stdout: '',
      status: 125,
      stderr: "superos: --nice: a whole number from -20 to 19 is expected, not '20'\n",
    });
  });

  test('--fds', () => {
    const limit = (fds: number) => superos(['--fds', String(fds), '--dir', `${scratch}::/d`, guest('handles')]).stdout;
    expect([limit(20), limit(40)]).toEqual(['15 EMFILE\n15 EMFILE\n', '35 EMFILE\n35 EMFILE\n']);
  });

  test('--memory: growth beyond it fails, which is the program’s to handle', () => {
    expect(superos(['--memory', '64m', '--cap', 'tmp:/t', guest('libc'), '/t']).status).toBe(0);
  });
});
