// Policies as their authors meet them: on the command line, with a real program.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guest, onTerminal, python, superos } from './command.ts';

const root = path.join(import.meta.dirname, '../..');

/** The specification's sample, byte for byte. */
const SAMPLE = `# Example policy
process:
  name: "database"
  allowed_syscalls:
    - read
    - write
    - mmap
    - munmap
  denied_syscalls:
    - execve
    - ptrace
`;

let scratch = '';
beforeAll(() => {
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'superos-policy-'));
  fs.mkdirSync(path.join(scratch, 'data/private'), { recursive: true });
  fs.writeFileSync(path.join(scratch, 'data/f'), 'f');
  fs.writeFileSync(path.join(scratch, 'data/private/f'), 'f');
});
afterAll(() => fs.rmSync(scratch, { recursive: true }));

const policy = (text: string): string => {
  const file = path.join(scratch, 'p.yaml');
  fs.writeFileSync(file, text);
  return file;
};

const database = (options: readonly string[], ...lines: readonly string[]) =>
  superos([...options, guest('database')], { input: `${lines.join('\n')}\n`, cwd: scratch });

describe("the specification's sample", () => {
  test('is what SuperOS brings as database', () => {
    expect(fs.readFileSync(path.join(root, 'policies/database.yaml'), 'utf8')).toBe(SAMPLE);
  });

  test('lets a database work, and refuses the rest', () => {
    const file = policy(SAMPLE);
    expect(database(['--policy', file], 'set a 1', 'get a', 'grow 1', 'backup', 'now')).toEqual({
      stdout: 'ok\n1\ngrow: SUCCESS\nbackup: EPERM\nnow: EPERM\n',
      stderr: [
        `superos: database.wasm was refused proc_spawn; to allow it, ${file}:10: take 'execve' out of denied_syscalls; and ${file}:4: add '- proc_spawn' to allowed_syscalls\n`,
        `superos: database.wasm was refused clock_time_get of the clock monotonic; to allow it, ${file}:4: add '- clock_time_get' to allowed_syscalls\n`,
      ].join(''),
      status: 0,
    });
  });

  test('without mmap memory does not grow', () => {
    const { stdout, stderr } = database(['--policy', policy(SAMPLE.replace(/ {4}- mmap\n/, ''))], 'grow 1');
    expect(stdout).toBe('grow: refused\n');
    expect(stderr).toContain("add '- memory_grow' to allowed_syscalls");
  });
});

describe('what becomes of a call', () => {
  const denied = (action: string) => policy(`process: { denied_syscalls: [{ call: execve, action: ${action} }] }`);

  test.each([
    ['kill', 159, 'was ended by policy: proc_spawn is not allowed'],
    ['trap', 134, 'trapped: proc_spawn is not allowed'],
  ])('%s', (action, status, why) => {
    const result = database(['--policy', denied(action)], 'set a 1', 'backup', 'get a');
    expect(result).toMatchObject({ stdout: 'ok\n', status });
    expect(result.stderr).toContain(why);
    expect(result.stderr).toContain("take 'execve' out of denied_syscalls");
    expect(result.stderr).not.toContain('    at ');
  });

  test('an errno of the policy', () => {
    expect(database(['--policy', denied('"errno: NOSYS"')], 'backup').stdout).toBe('backup: ENOSYS\n');
  });

  test('where it is not enforced all goes on, and is told', () => {
    const result = database(['--policy', 'none', '--policy-mode', 'audit'], 'set a 1', 'now');
    expect(result.stdout).toBe('ok\nnow: SUCCESS\n');
    expect(result.status).toBe(0);
    expect(result.stderr).toContain('database.wasm would have been refused fd_read of 1 bytes, ');
  });

  test('without a terminal nobody answers', () => {
    const result = database(
      ['--policy', policy('process: { allowed_syscalls: ["@io", { call: clock_time_get, action: notify }] }')],
      'now',
    );
    expect(result.stdout).toBe('now: EPERM\n');
    expect(result.stderr).toContain("take 'action: notify' from 'clock_time_get'");
  });

  test('all of it as JSON', () => {
    const { stderr } = database(['--json', '--policy', 'database'], 'backup', 'backup');
    expect(JSON.parse(stderr)).toMatchObject({
      status: 0,
      refused: [{ call: 'proc_spawn', rule: 'execve', count: 2, action: { do: 'errno', errno: 'PERM' }, place: { line: 10 } }],
    });
  });
});

test('what is to be logged goes on, and is told', () => {
  const file = policy(
    'process:\n  allowed_syscalls:\n    - { call: clock_time_get, action: log }\n    - "@io"\n    - "@fs-read"',
  );
  expect(database(['--policy', file], 'now', 'now')).toEqual({
    stdout: 'now: SUCCESS\nnow: SUCCESS\n',
    stderr: `superos: database.wasm called clock_time_get of the clock monotonic, 2 times, which ${file}:3 logs\n`,
    status: 0,
  });
  const { stderr } = database(['--json', '--policy', file], 'now');
  expect(JSON.parse(stderr).logged).toMatchObject([{ call: 'clock_time_get', rule: 'clock_time_get', count: 1 }]);
});

describe('beside calls', () => {
  test('capabilities, and paths in them', () => {
    const file = policy(`process:
  capabilities: ["dir:data:/data:ro"]
  allowed_syscalls:
    - "@io"
    - { call: path_open, when: { path: ["/data/**", "!/data/private/**"] } }
`);
    expect(database(['--policy', file], 'open f', 'open private/f', 'open ../x', 'now').stdout).toBe(
      'open: SUCCESS\nopen: EPERM\nopen: EPERM\nnow: EPERM\n',
    );
  });

  test('a program has what its policy lists, and no more than that', () => {
    const file = policy('process: { capabilities: ["dir:data:/data:ro"] }');
    expect(database(['--policy', file], 'now', 'open f').stdout).toBe('now: ENOTCAPABLE\nopen: SUCCESS\n');
    expect(database(['--policy', file, '-v', 'data:/data:ro'], 'now', 'open f').stdout).toBe('now: ENOTCAPABLE\nopen: SUCCESS\n');
    expect(database(['--policy', file, '-v', 'data:/data'], 'open f')).toEqual({
      stdout: '',
      stderr: `superos: the policy does not let a process have dir:data:/data; leave it out, since the policy gives dir:data:/data:ro, or add it to the capabilities at ${file}:1\n`,
      status: 125,
    });
  });

  test('limits are the least of all that are said', () => {
    const file = policy('process: { limits: { memory: 256k, timeout: 10s } }');
    expect(database(['--policy', file, '--memory', '1g'], 'grow 1', 'grow 1', 'grow 1').stdout).toContain('grow: refused');
    const brief = policy('process: { limits: { timeout: 50ms } }');
    expect(superos(['--policy', brief, '--timeout', '1h', guest('spin-calls')]).status).toBe(124);
  });

  test('what it is for', () => {
    const file = policy('process: { for: { program: "other*" } }');
    expect(database(['--policy', file], 'now').stderr).toBe(
      'superos: --policy: the policy p is for other*, not for database.wasm\n',
    );
  });

  test('the environment', () => {
    const file = policy('process: { namespaces: { hostname: box, environment: { pass: ["LAN*"], set: { HOME: / } } } }');
    const { stdout } = superos(['--policy', file, '--env', 'OWN=1', guest('args-env')], { env: { LANG: 'C', SECRET: 'x' } });
    expect(stdout).toContain('LANG=C');
    expect(stdout).toContain('HOME=/');
    expect(stdout).toContain('HOSTNAME=box');
    expect(stdout).toContain('OWN=1');
    expect(stdout).not.toContain('SECRET');
  });
});

describe.runIf(python)('whoever sits at the terminal is asked', () => {
  const asking = () => policy('process: { allowed_syscalls: ["@io", { call: clock_time_get, action: notify }] }');
  test.each([
    ['y\n', 'now: SUCCESS'],
    ['n\n', 'now: EPERM'],
    ['\n', 'now: EPERM'],
    // The end of the input: nobody answers.
    ['\u0004', 'now: EPERM'],
  ])('%j: %s', (key, expected) => {
    const { output, status } = onTerminal(
      [
        ['send', 'now\n'],
        ['expect', 'ne[v]er: '],
        ['send', key],
        ['expect', 'now: '],
        ['send', '\u0004'],
      ],
      ['--policy', asking(), guest('database')],
    );
    expect(output).toContain(expected);
    expect(status).toBe(0);
  });

  test('when the program ends, nobody is asked any longer', () => {
    const steps: ['expect' | 'send', string][] = [
      ['send', 'now\n'],
      ['expect', 'ne[v]er: '],
    ];
    expect(onTerminal(steps, ['--timeout', '1s', '--policy', asking(), guest('database')]).status).toBe(124);
  });

  test('Ctrl-C at the question ends the program', () => {
    const steps: ['expect' | 'send', string][] = [
      ['send', 'now\n'],
      ['expect', 'ne[v]er: '],
      ['send', '\u0003'],
    ];
    expect(onTerminal(steps, ['--policy', asking(), guest('database')]).status).toBe(130);
  });
});

describe('several policies', () => {
  const file = (name: string, text: string) => {
    const at = path.join(scratch, name);
    fs.writeFileSync(at, text);
    return at;
  };

  test('all apply, in any order', () => {
    const first = file('first.yaml', 'process: { denied_syscalls: [clock_time_get] }');
    const second = file('second.yaml', 'process: { denied_syscalls: [proc_spawn] }');
    for (const [a, b] of [
      [first, second],
      [second, first],
    ] as const)
      expect(database(['--policy', a, '--policy', b], 'now', 'backup').stdout).toBe('now: EPERM\nbackup: EPERM\n');
  });

  test('each says which programs it is for', () => {
    const others = file('others.yaml', 'process: { for: { program: "other*" } }');
    for (const policies of [
      [others, 'database'],
      ['database', others],
    ])
      expect(
        database(
          policies.flatMap((one) => ['--policy', one]),
          'now',
        ),
      ).toMatchObject({
        stderr: 'superos: --policy: the policy others is for other*, not for database.wasm\n',
        status: 125,
      });
  });
});

describe('mistakes', () => {
  test.each([
    ['none.such', 'there is no policy none.such'],
    ['databse', 'there is no policy databse; did you mean database?'],
    ['.', 'the policy . cannot be read: EISDIR'],
    ['/dev/null', 'the policy /dev/null cannot be read: it is no file'],
  ])('%s', (name, message) => {
    const { stderr, status, stdout } = superos(['--policy', name, guest('hello')]);
    expect(stderr.startsWith(`superos: --policy: ${message}`)).toBe(true);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect([stdout, status]).toEqual(['', 125]);
  });

  test('of the policy: the first, with its place', () => {
    const file = policy('process:\n  allowed_syscalls:\n    - fd_raed\n    - fd_wrte\n');
    const { stderr, status } = superos(['--policy', file, guest('hello')]);
    expect(stderr).toBe(
      `superos: --policy: ${file}:3:7: a system call, @group or name of POSIX is expected, not 'fd_raed'; did you mean 'fd_read'? (and 1 more: see superos policy check)\n`,
    );
    expect(status).toBe(125);
  });

  test('of the mode', () => {
    expect(superos(['--policy-mode', 'audit', guest('hello')]).stderr).toBe(
      'superos: --policy-mode audit says what becomes of a policy, and there is none: name it with --policy\n',
    );
    expect(superos(['--policy-mode', 'off', guest('hello')]).stderr).toBe(
      "superos: --policy-mode: audit or enforce is expected, not 'off'\n",
    );
  });

  test.each([
    [['--cap', 'dir:/nonexist:/x'], '--cap: there is no directory /nonexist'],
    [['--dir', '/nonexist'], '--dir: there is no directory /nonexist'],
    [['-v', '/nonexist:/x'], '--volume: there is no directory /nonexist'],
    [['--cap', 'net:listen:192.0.2.1:1'], '--cap: net:listen:192.0.2.1:1: '],
    [['--cap', 'program:/nonexist'], '--cap: '],
    [['--cap', 'function:x.y'], '--cap: functions are given by programs that embed SuperOS'],
  ])('of a capability: %j', (options, message) => {
    const { stderr, status } = superos([...options, guest('hello')]);
    expect(stderr.startsWith(`superos: ${message}`)).toBe(true);
    expect(status).toBe(125);
  });

  test('of the log', () => {
    expect(superos(['--audit', scratch, guest('hello')]).stderr).toContain('superos: --audit: the audit log');
  });
});

test('an audit log holds what was granted, refused and dropped, and verifies', () => {
  const log = path.join(scratch, 'audit.log');
  database(['--policy', 'database', '--audit', log], 'backup', 'now');
  const records = fs
    .readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(records.map(({ what }) => what)).toEqual(expect.arrayContaining(['grant', 'refuse', 'drop']));
  expect(records.find(({ call }) => call === 'proc_spawn')).toMatchObject({ what: 'refuse', rule: 'execve', enforced: true });
  expect(records.find(({ call }) => call === 'clock_time_get')).toMatchObject({ clock: 'monotonic', rule: 'default' });
  expect(superos(['audit', 'verify', log])).toMatchObject({ status: 0 });
});
