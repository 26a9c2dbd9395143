// What goes wrong before a program runs: one line on standard error, the exit status of CONTRACT, never a stack trace.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { guest, superos } from './command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-cli-errors-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

function file(name: string, content: string | Uint8Array = ''): string {
  const made = path.join(scratch, name);
  fs.writeFileSync(made, content);
  return made;
}

/** A module of sections: ids and contents. */
const hello = guest('hello');
const helloBytes = fs.readFileSync(hello);
const component = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
const huge = file('huge.wasm');
fs.truncateSync(huge, 2 ** 30 + 1);

const LINE = /^superos: [^\n]+\n$/;

describe('one line, nothing else', () => {
  test.each<[what: string, args: string[], status: number, ...says: string[]]>([
    ['no arguments', [], 125, 'superos help'],
    ['no program', ['run'], 125, 'PROGRAM'],
    ['no program after an option', ['run', '--json'], 125, 'PROGRAM'],
    ['an empty name', ['run', ''], 125, 'PROGRAM'],
    ['an unknown option', ['run', '--memroy', '1m', hello], 125, '--memroy', 'did you mean --memory?'],
    ['an unknown option with a value', ['run', '--memroy=1m', hello], 125, '--memroy;', '--memory'],
    ['an unknown short option', ['-x', hello], 125, '-x'],
    ['an option that is far from any', ['run', '--zzzzzzzz', hello], 125, '--zzzzzzzz', 'superos help run'],
    ['an option without its value', ['run', '--memory'], 125, '--memory', 'SIZE'],
    ['a value where none is taken', ['run', '--json=yes', hello], 125, '--json', 'yes'],
    ['a size', ['run', '--memory', '64q', hello], 125, '--memory', '64m', '64q'],
    ['a negative size', ['run', '--memory=-1', hello], 125, '--memory', '-1'],
    ['a time', ['run', '--timeout', 'soon', hello], 125, '--timeout', '500ms', 'soon'],
    ['a number', ['run', '--fds', '1.5', hello], 125, '--fds', '1.5'],
    ['a CPU time', ['run', '--cpu-time', '-1s', hello], 125, '--cpu-time', '500ms', '-1s'],
    ['a number of processes', ['run', '--pids', 'x', hello], 125, '--pids', 'x'],
    ['a niceness', ['run', '--nice', '20', hello], 125, '--nice', '-20 to 19', '20'],
    ['a value where none is', ['run', '--raw=1', hello], 125, '--raw', '1'],
    ['a directory', ['run', '--dir', '::/x', hello], 125, '--dir', 'HOST[::GUEST]'],
    ['a volume', ['run', '-v', '/tmp', hello], 125, '--volume', 'HOST:GUEST[:ro]', '/tmp'],
    ['a volume of another mode', ['run', '-v', '/tmp:/t:rx', hello], 125, '--volume', 'rx'],
    ['a variable', ['run', '--env', '=x', hello], 125, '--env', 'NAME=VALUE', '=x'],
    ['a capability', ['run', '--cap', 'everything', hello], 125, '--cap', 'clock', 'everything'],
    ['a capability with a mistake', ['run', '--cap', 'net:connect:localhost:99999', hello], 125, '--cap', 'character 23', 'port'],
    ['a directory that is not there', ['run', '--dir', path.join(scratch, 'absent'), hello], 125, '--dir', 'absent'],
    ['a directory that is a file', ['run', '--dir', hello, hello], 125, '--dir', 'not a directory'],
    ['--cwd outside', ['run', '--cwd', '/etc', hello], 125, '--cwd /etc', '--dir'],
    ['--cwd that is not there', ['run', '--dir', `${scratch}::/d`, '--cwd', '/d/absent', hello], 125, '--cwd /d/absent'],
    ['too few descriptors', ['run', '--fds', '2', hello], 125, 'limit is 2'],
    ['an argument of no number', ['run', '--invoke', 'fac', guest('reactor'), 'many'], 125, '--invoke fac', 'many', 'i64'],

    ['no such file', [path.join(scratch, 'absent.wasm')], 127, 'absent.wasm'],
    ['no such directory', [path.join(hello, 'x')], 127, 'hello.wasm/x'],
    ['a misspelt command', ['doctr'], 127, 'doctr', 'superos doctor'],

    ['a directory for a program', [scratch], 126, 'it is a directory'],
    ['an empty file', [file('empty.wasm')], 126, 'empty.wasm', 'WebAssembly module'],
    ['a text', [file('text.wasm', 'hello there')], 126, 'text.wasm', 'WebAssembly module'],
    ['a cut module', [file('cut.wasm', helloBytes.subarray(0, 100))], 126, 'cut.wasm'],
    ['a module with a wrong version', [file('version.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0))], 126, 'version'],
    ['a component', [file('component.wasm', component)], 126, 'component'],
    ['a file longer than a module can be', [huge], 126, '1 GiB'],
    ['a device that never ends', ['/dev/zero'], 126, '1 GiB'],
    ['bad text', [file('bad.wat', '(module\n  (func (export "_start") i32.ad))')], 126, 'bad.wat:2:27', 'unknown operator'],
    ['text of no parentheses', [file('prose.wat', 'once upon a time')], 126, 'prose.wat:1:1', 'expected `(`'],
    ['an import of another type', [guest('badsig')], 126, 'fd_write'],
    ['an import of a host value', [guest('externref')], 126, 'externref.wasm'],
    ['a reactor without --invoke', [guest('reactor')], 126, '--invoke', 'fac'],
    ['an export that is not there', ['--invoke', 'fact', guest('reactor')], 126, 'fact', 'fac'],
    ['too few arguments for an export', ['--invoke', 'fac', guest('reactor')], 126, 'fac', 'i64'],
    ['a table of 2^32 elements', [guest('hugetable')], 126, 'hugetable.wasm'],

    ['an unknown option of another command', ['doctor', '--jsn'], 125, '--jsn', '--json'],
    ['too many arguments', ['doctor', 'now'], 125, 'doctor'],
    ['help for what there is not', ['help', 'doctr'], 125, 'doctr', 'doctor'],
  ])('%s %j', (_, args, status, ...says) => {
    const ended = superos(args);
    expect(ended).toEqual({ stdout: '', stderr: expect.stringMatching(LINE), status });
    for (const part of says) expect(ended.stderr).toContain(part);
  });

  test.each([
    ['empty', '', 'empty'],
    ['a text that is no program', 'hello', 'expected `('],
    ['a cut module', helloBytes.subarray(0, 50), 'WebAssembly module'],
  ])('standard input: %s', (_, input, says) => {
    const ended = superos(['-'], { input });
    expect(ended).toEqual({ stdout: '', stderr: expect.stringMatching(LINE), status: 126 });
    expect(ended.stderr).toContain(says);
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

describe('nothing that steers a terminal', () => {
  const evil = '\u001b[31m\u009b2J\r\u0007\u202e\n';

  test.each([
    ['the name of a program', [`no${evil}`]],
    ['an option', ['run', `--no${evil}`, hello]],
    ['a value', ['run', '--memory', evil, hello]],
    ['a directory', ['run', '--dir', evil, hello]],
  ])('%s', (_, args) => {
    const { stderr } = superos(args);
    expect(stderr).toMatch(LINE);
    expect(stderr).not.toMatch(CONTROL);
  });

  test('names in a module, and of the file, when it traps', () => {
    const text = `(module $m (func $"f\\1b[31m" (export "_start") unreachable))`;
    const made = file('t\u001b[2Jrap.wat', text);
    const { stderr, status } = superos([made]);
    expect(status).toBe(134);
    expect(stderr).toMatch(/^superos: .* trapped: unreachable\n( {4}at .*\n)*$/);
    expect(stderr).not.toMatch(CONTROL);
  });

  test('what the program itself writes is its own', () => {
    expect(superos([guest('cat')], { input: evil }).stdout).toBe(evil);
  });
});

describe('help and version', () => {
  test('say what there is', () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      expect(superos(args)).toEqual({ stdout: expect.stringContaining('doctor'), stderr: '', status: 0 });
    }
    for (const args of [
      ['help', 'run'],
      ['run', '--help'],
      ['run', '-h', 'x'],
    ]) {
      const { stdout, stderr, status } = superos(args);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      for (const option of [
        '--dir',
        '-v, --volume',
        '--env',
        '--cap',
        '--memory',
        '--timeout',
        '--fds',
        '--argv0',
        '--invoke',
        '--cwd',
        '--json',
        '--no-cache',
      ]) {
        expect(stdout).toContain(option);
      }
    }
    expect(superos(['--version'])).toEqual({ stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '', status: 0 });
  });
});
