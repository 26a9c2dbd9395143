// `superos policy`: what it shows of policies, what it makes of them, and what it says where that cannot be done.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LAUNCHER, superos } from '../e2e/command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-policy-cli-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

function file(name: string, text: string): string {
  fs.writeFileSync(path.join(scratch, name), text);
  return name;
}
const policy = (command: string, ...args: string[]) => superos(['policy', command, ...args], { cwd: scratch });

const SAMPLE = file(
  'sample.yaml',
  `process:
  name: "database"
  allowed_syscalls:
    - read
    - write
    - mmap
    - munmap
  denied_syscalls:
    - execve
    - ptrace
`,
);
const START = '    - "@args"\n    - fd_prestat_get\n    - fd_prestat_dir_name\n';
const FILES = file(
  'files.yaml',
  `process:
  allowed_syscalls:
${START}    - fd_read
    - call: path_open
      when: { path: ["/data/**", "!/data/secret/**"], access: read }
  denied_syscalls:
    - call: fd_write
      when: { size: "> 1m" }
      action: kill
`,
);
const BASE = file(
  'base.yaml',
  `process:\n  extends: ./files.yaml\n  allowed_syscalls:\n${START}    - "@fs-read"\n    - fd_read\n`,
);

describe('check', () => {
  test('a valid policy', () => {
    expect(policy('check', FILES)).toEqual({ stdout: 'files.yaml: valid\n', stderr: '', status: 0 });
    expect(JSON.parse(policy('check', '--json', FILES).stdout)).toEqual([{ file: FILES, valid: true, errors: [], warnings: [] }]);
  });

  test('the sample of the specification is valid; what in it does nothing is told', () => {
    const { stdout, status } = policy('check', SAMPLE);
    expect(status).toBe(0);
    expect(stdout).toContain("sample.yaml:10:7: warning: 'ptrace' matches nothing");
    expect(stdout).toContain('        - ptrace\n          ^\n');
    expect(stdout).toContain('sample.yaml: valid\n');
  });

  test('all errors, each with its line', () => {
    const bad = file(
      'bad.yaml',
      'process:\n  allowed_syscals: [read]\n  denied_syscalls:\n    - raead\n    - call: fd_read\n      when: { path: /x }\n',
    );
    const { stdout, stderr, status } = policy('check', bad, FILES);
    expect({ stderr, status }).toEqual({ stderr: '', status: 1 });
    expect(stdout).toMatch(/^bad\.yaml:2:3: error: .*did you mean 'allowed_syscalls'\?$/m);
    expect(stdout).toMatch(/^bad\.yaml:4:7: error: .*did you mean 'read'\?$/m);
    expect(stdout).toMatch(/^ {4} {4}- raead\n {4} {6}\^$/m);
    expect(stdout).toContain('files.yaml: valid\n');
    const [first] = JSON.parse(policy('check', '--json', bad).stdout);
    expect(first).toMatchObject({
      file: bad,
      valid: false,
      errors: expect.arrayContaining([expect.objectContaining({ line: 4, column: 7 })]),
    });
  });

  test.each<[string, string, (string | RegExp)[]]>([
    [
      'an entry that is denied',
      '  allowed_syscalls: ["@args", "@fd", chmod]\n  denied_syscalls: ["@fs-write"]',
      ["'chmod' allows nothing: it is denied by '@fs-write'"],
    ],
    [
      'one that another allows anyway',
      `  allowed_syscalls:\n${START}    - "@fs-read"\n    - call: path_open\n      when: { path: /x }\n`,
      ["'path_open' changes nothing: '@fs-read'"],
    ],
    [
      'one that is there twice',
      `  allowed_syscalls:\n${START}    - read\n    - fd_read\n`,
      ["7:7: warning: 'fd_read' changes nothing: 'read'"],
    ],
    [
      "what wasi-libc's start needs",
      '  allowed_syscalls: [read]',
      [
        'before their main: args_get, args_sizes_get, environ_get, environ_sizes_get, fd_prestat_get, fd_prestat_dir_name are refused',
      ],
    ],
    ['nothing of what takes away from a policy that it extends', '  extends: cli\n  denied_syscalls: [fd_read]', []],
    [
      'what such a policy leaves out, at the line of its own',
      '  extends: none\n',
      [/^warn\.yaml:1:1: warning: programs made with wasi-libc .* are refused \(none\.yaml:\d+\)$/m],
    ],
    [
      'nothing of a policy that is as it should be',
      `  allowed_syscalls:\n${START}    - "@io"\n  denied_syscalls:\n    - { call: fd_write, when: { size: "> 1m" } }`,
      [],
    ],
  ])('warns of %s', (_what, text, says) => {
    const { stdout, status } = policy('check', file('warn.yaml', `process:\n${text}\n`));
    expect(status).toBe(0);
    for (const one of says) expect(stdout).toMatch(one);
    expect(stdout.match(/warning/g) ?? []).toHaveLength(says.length);
  });

  test('the policies that SuperOS brings, by name', () => {
    const { stdout, status } = policy('check', 'cli', 'strict', 'none');
    expect(status).toBe(0);
    expect(stdout).toContain('strict: valid');
  });

  test('from standard input', () => {
    const { stdout, status } = superos(['policy', 'check', '-'], { input: 'process: { allowed_syscalls: [raed] }' });
    expect(status).toBe(1);
    expect(stdout).toContain("-:1:31: error: a system call, @group or name of POSIX is expected, not 'raed'");
  });

  test('what is in a file steers no terminal', () => {
    const { stdout } = policy('check', file('esc.yaml', 'process:\n  "\u001b[2J\u009b1m": 1\n'));
    expect(stdout).toContain('error');
    for (const steering of ['\u001b', '\u009b']) expect(stdout).not.toContain(steering);
  });
});

describe('explain', () => {
  test('whom it is for, what it gives, its bounds and its surroundings', () => {
    const terms = file(
      'terms.yaml',
      `process:
  for: [{ program: app*, sha256: "${'a'.repeat(64)}" }]
  capabilities: [clock, "dir:./data:/data:ro"]
  limits: { memory: 64m, cpuTime: { soft: 1s, hard: 2s }, fds: 20 }
  namespaces: { pid: true, hostname: box, environment: { pass: [LANG, LC_*], set: { A: b } }, mounts: [/data] }
`,
    );
    const { stdout } = policy('explain', terms);
    expect(stdout.split('\n').slice(0, 9)).toEqual([
      'policy terms',
      `for: app* with sha256 ${'a'.repeat(64)}`,
      'capabilities: clock (terms.yaml:3), dir:./data:/data:ro (terms.yaml:3)',
      'limits: memory 64m (terms.yaml:4), cpuTime 2000 ms (soft 1000 ms) (terms.yaml:4), fds 20 (terms.yaml:4)',
      'pids: its own, from 1',
      'host name: box',
      'variables passed on: LANG, LC_*',
      'variables set: A=b',
      'directories seen: /data',
    ]);
    expect(JSON.parse(policy('explain', '--json', terms).stdout)).toMatchObject({
      capabilities: ['clock', 'dir:./data:/data:ro'],
      limits: { cpuTime: { soft: 1000, hard: 2000 }, fds: { soft: null, hard: 20 } },
      namespaces: { pid: true, hostname: 'box' },
    });
  });

  test('a group with arguments: of the calls that have them', () => {
    const { stdout, status } = policy('explain', FILES, '@fs-read', 'path=/data/secret/x');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^path_open path=\/data\/secret\/x: /m);
    expect(stdout).toMatch(/^not about path=\/data\/secret\/x: .*fd_readdir/m);
    expect(policy('explain', FILES, '@clock', 'path=/x')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('has clock'),
    });
  });

  test('a table of all calls', () => {
    const { stdout, status } = policy('explain', FILES);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^CALL +WHAT HAPPENS +WHERE +RULE$/m);
    expect(stdout).toMatch(/^fd_read +allow +files\.yaml:6 +fd_read$/m);
    expect(stdout).toMatch(/^fd_tell +errno PERM +files\.yaml:2 +not in allowed_syscalls$/m);
    expect(stdout).toMatch(
      /^path_open +depends\n +allow +files\.yaml:7 +path_open when .*\n +errno PERM +files\.yaml:2 +otherwise$/m,
    );
    expect(stdout).toMatch(/^proc_exit +allow +files\.yaml:2 +always allowed$/m);
    const { calls } = JSON.parse(policy('explain', '--json', FILES).stdout);
    expect(calls).toContainEqual(expect.objectContaining({ call: 'fd_read', action: 'allow', allowed: true, rule: 'fd_read' }));
  });

  test('one call: which rule decides, and the change that would allow it', () => {
    const refused = policy('explain', FILES, 'path_open', 'path=/data/secret/x', 'access=read');
    expect(refused.status).toBe(0);
    expect(refused.stdout).toBe(`path_open path=/data/secret/x access=read: errno PERM
  files  errno PERM  files.yaml:2  not in allowed_syscalls
  to allow it: files.yaml:2: let 'when' of 'path_open' in line 7 take it in, or add '- path_open' to allowed_syscalls
`);
    const allowed = policy('explain', FILES, 'path_open', '/data/./x/../y', 'read');
    expect(allowed.stdout).toMatch(/^path_open path=\/data\/y access=read: allow\n +files +allow +files\.yaml:7 .*\n$/);
    expect(policy('explain', FILES, 'fd_write', 'size=2m').stdout).toMatch(/^fd_write size=2097152: kill\n.*files\.yaml:10/);
  });

  test('layer by layer', () => {
    const { stdout } = policy('explain', BASE, 'fd_tell');
    expect(stdout).toMatch(
      /^fd_tell: errno PERM\n {2}files +errno PERM.*\n {2}base +errno PERM.*\n {2}to allow it: .*files\.yaml.*base\.yaml/,
    );
    const json = JSON.parse(policy('explain', '--json', BASE, 'path_open', 'path=/x', 'access=read').stdout);
    expect(json.calls[0]).toMatchObject({
      call: 'path_open',
      allowed: false,
      layers: [
        { layer: 'files', allowed: false },
        { layer: 'base', allowed: true },
      ],
    });
  });

  test('names of POSIX and groups stand for their calls', () => {
    expect(policy('explain', SAMPLE, 'stat').stdout.match(/^\w+(?=:)/gm)).toEqual(['path_filestat_get', 'path_mode']);
    expect(policy('explain', SAMPLE, '@random').stdout).toMatch(/^random_get: errno PERM/);
    expect(policy('explain', SAMPLE, 'ptrace').stdout).toBe('ptrace: no process has such a call, whatever a policy says\n');
  });

  test('what is not said is told', () => {
    expect(policy('explain', FILES, 'path_open').stdout).toContain(
      'not said: path, access; what is not known lets no entry allow',
    );
  });

  test.each<[string, string[], string]>([
    ['a call that is not there', ['fd_raed'], 'there is no call fd_raed; did you mean fd_read?'],
    ['a key that the call has not', ['fd_read', 'path=/x'], 'fd_read has'],
    ['a misspelt key', ['path_open', 'pth=/x'], 'did you mean path=?'],
    ['too much', ['fd_close', 'x'], "'x' is too much"],
    ['a relative path', ['path_open', 'path=x'], "begins with '/'"],
    ['a port', ['net_connect', 'port=99999'], 'from 0 to 65535'],
    ['a size', ['fd_write', 'size=big'], 'such as 4096 or 64k'],
    ['a word', ['proc_raise', 'signal=SIGFOO'], 'one of SIGHUP'],
  ])('mistakes: %s', (_what, args, says) => {
    const { stdout, stderr, status } = policy('explain', FILES, ...args);
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
    expect(stderr).toMatch(/^superos: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });
});

const python = spawnSync('python3', ['--version']).status === 0;

describe.runIf(python)('on a terminal', () => {
  const shown = (env: Record<string, string>, ...args: string[]): string => {
    const script = path.join(import.meta.dirname, '../e2e/terminal.py');
    const { stdout } = spawnSync('python3', [script, '[]', process.execPath, LAUNCHER, 'policy', ...args], {
      cwd: scratch,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: scratch, TERM: 'xterm', ...env },
    });
    return (JSON.parse(stdout) as { output: string }).output;
  };

  test('tables are coloured, if nobody minds', () => {
    expect(shown({}, 'explain', FILES)).toContain('\u001b[32mallow\u001b[0m');
    expect(shown({}, 'explain', FILES)).toContain('\u001b[31merrno PERM\u001b[0m');
    expect(shown({}, 'check', SAMPLE)).toContain('\u001b[33mwarning\u001b[0m');
    expect(shown({}, 'diff', FILES, 'none')).toContain('\u001b[');
    for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }])
      expect(shown(environment, 'explain', FILES)).not.toContain('\u001b');
    expect(shown({}, 'explain', '--json', FILES)).not.toContain('\u001b');
    expect(policy('explain', FILES).stdout).not.toContain('\u001b');
  });
});

describe('diff', () => {
  test('what each allows that the other does not, with an example', () => {
    const other = file(
      'other.yaml',
      `process:\n  allowed_syscalls:\n${START}    - fd_tell\n    - call: path_open\n      when: { path: "/data/**", access: read }\n  denied_syscalls: [fd_write]\n  limits: { memory: 64m }\n`,
    );
    const { stdout, status } = policy('diff', FILES, other);
    expect(status).toBe(1);
    const [gained = '', lost = ''] = stdout.split('files.yaml allows, other.yaml does not');
    expect(gained).toMatch(/^other\.yaml allows, files\.yaml does not\n/);
    expect(gained).toMatch(/^ {2}fd_tell +errno PERM -> allow/m);
    expect(gained).toMatch(/^ {2}path_open +such as path=\/data\/secret access=read +errno PERM -> allow/m);
    expect(lost).toMatch(/^ {2}fd_read +allow -> errno PERM/m);
    expect(lost).toMatch(/^ {2}limit memory +none -> 67108864/m);
    const json = JSON.parse(policy('diff', '--json', FILES, other).stdout);
    expect(json.calls).toContainEqual(
      expect.objectContaining({ call: 'fd_tell', gained: expect.objectContaining({ facts: {} }) }),
    );
  });

  test('policies that are written otherwise and allow the same', () => {
    const same = file(
      'same.yaml',
      fs.readFileSync(path.join(scratch, SAMPLE), 'utf8').replace('- read', '- fd_read').replace('    - ptrace\n', ''),
    );
    expect(policy('diff', SAMPLE, same)).toEqual({ stdout: 'sample.yaml and same.yaml allow the same\n', stderr: '', status: 0 });
    expect(policy('diff', FILES, FILES).status).toBe(0);
  });

  test('grants and namespaces', () => {
    const a = file('a.yaml', 'process: { capabilities: [clock, "dir:./d:/d"], denied_syscalls: [chmod] }');
    const b = file(
      'b.yaml',
      'process: { capabilities: ["clock:coarse", random, "dir:./d:/d:ro"], denied_syscalls: [chmod], namespaces: { pid: true } }',
    );
    const { stdout } = policy('diff', a, b);
    expect(stdout).toMatch(/b\.yaml allows, a\.yaml does not\n {2}capability random +no -> yes\n/);
    expect(stdout).toMatch(
      /a\.yaml allows, b\.yaml does not\n {2}capability clock +yes -> no\n {2}capability dir:\.\/d:\/d +yes -> no\n/,
    );
    expect(stdout).toMatch(/otherwise\n {2}namespace pid +false -> true\n/);
  });
});

test('explain --json writes JSON for a name of what is not there, too', () => {
  expect(JSON.parse(superos(['policy', 'explain', '--json', 'database', 'ptrace']).stdout)).toMatchObject({ calls: [] });
});

describe('mistakes', () => {
  const empty = file('empty.yaml', '');
  const broken = file('broken.yaml', 'process: [\n');
  const unknown = file('unknown.yaml', 'process: { allowed_syscalls: [raed] }');

  test.each<[string, string[], string, number?]>([
    ['no command', [], 'policy: a command is expected: check, explain, diff, import, learn'],
    ['a misspelt command', ['chekc'], 'there is no command policy chekc; did you mean policy check?'],
    ['a nearly right one', ['explan', FILES], 'did you mean policy explain?'],
    ['no file', ['check'], "missing required argument 'file'"],
    ['an option that is not there', ['check', '--jsno', FILES], '--jsno'],
    ['check: a file that is not there', ['check', 'absent.yaml'], 'there is no policy absent.yaml'],
    ['check: a directory', ['check', '.'], 'cannot be read'],
    ['explain: a file that is not there', ['explain', './absent'], 'there is no policy ./absent'],
    ['explain: an empty file', ['explain', empty], 'empty.yaml:1:1: a policy is expected'],
    ['explain: bad YAML', ['explain', broken], 'broken.yaml:'],
    [
      'explain: an unknown call',
      ['explain', unknown],
      "unknown.yaml:1:31: a system call, @group or name of POSIX is expected, not 'raed'",
    ],
    ['diff: one file', ['diff', FILES], "missing required argument 'B'"],
    ['diff: a bad one', ['diff', FILES, unknown], 'unknown.yaml:1:31'],
    ['import: no file', ['import', 'absent.json'], 'there is no such file'],
    ['import: a directory', ['import', '.'], 'it is a directory'],
    ['import: an empty file', ['import', empty], 'it is empty'],
    ['import: no JSON', ['import', FILES], 'files.yaml is not JSON'],
    ['import: a device', ['import', '/dev/null'], '/dev/null is not a file'],
    ['check: a device', ['check', '/dev/null'], 'the policy /dev/null cannot be read: it is no file'],
  ])('%s', (_what, args, says) => {
    const { stdout, stderr, status } = superos(['policy', ...args], { cwd: scratch });
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
    expect(stderr).toMatch(/^superos: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });

  test('check: bad YAML and nothing at all', () => {
    expect(policy('check', broken, empty)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/broken\.yaml:\d.*: error: [\s\S]*empty\.yaml:1:1: error: /),
    });
  });
});
