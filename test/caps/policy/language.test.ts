import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { decide, outlook } from '../../../src/caps/policy/decide.ts';
import type { Facts } from '../../../src/caps/policy/policy.ts';
import { remedy } from '../../../src/caps/policy/remedy.ts';
import type { LimitOptions } from '../../../src/machine/limits.ts';
import { complaint, language, parse, parseBody, readyText } from './parse.ts';

const FULL = `version: 1
process:
  name: reader
  extends: [cli, ./base.yaml]
  for: { program: "*.wasm", sha256: "${'A0'.repeat(32)}" }
  default: "errno: PERM"
  allowed_syscalls:
    - read
    - "@fs-read"
    - call: path_open
      when: { path: ["/data/**", "!/data/private/**"], access: read }
    - { calls: [fd_write, fd_pwrite], when: { kind: [console, file], size: "<= 64k" }, action: notify }
  denied_syscalls:
    - execve
    - { call: fd_write, when: { kind: console, size: "> 64k" }, action: kill }
    - { call: proc_raise, when: { signal: SIGKILL }, action: { errno: ACCES } }
    - { call: clock_time_get, when: { clock: "!monotonic" }, action: "errno: NOTSUP" }
  capabilities: [clock, "dir:./data:/data:ro"]
  limits: { memory: 64m, timeout: 2s, cpuTime: { soft: 500ms, hard: 1s }, processes: 4 }
  namespaces: { pid: true, hostname: box, environment: { pass: [LANG, "LC_*"], set: { HOME: /, PORT: 80 } }, mounts: ["/data/**"] }
`;
const BASE = {
  './base.yaml': 'process:\n  denied_syscalls: ["@net"]\n  limits: { memory: 32m, fds: 10 }\n  capabilities: [clock, random]\n',
};

describe("the specification's sample", () => {
  const text = readyText('database');
  const sample = parse(text);

  test('parses as it stands', () => {
    expect(text).toMatch(/^# Example policy\nprocess:\n {2}name: "database"\n/);
    expect(sample).toMatchObject({
      name: 'database',
      layers: [{ name: 'database', denied: [{ calls: ['proc_spawn'] }, { calls: [] }] }],
    });
  });

  test('decides, and says why', () => {
    expect(outlook(sample, 'fd_read')).toBe('allow');
    expect(outlook(sample, 'memory_grow')).toBe('allow');
    const denied = decide(sample, 'proc_spawn', {});
    expect(denied).toMatchObject({
      action: { do: 'errno', errno: 'PERM' },
      rule: { written: 'execve' },
      place: { line: 10, column: 7, text: '    - execve' },
    });
    expect(remedy(sample, 'proc_spawn', {}, denied)).toContain("policy.yaml:10: take 'execve' out of denied_syscalls");
    expect(remedy(sample, 'clock_time_get', {}, decide(sample, 'clock_time_get', {}))).toBe(
      "policy.yaml:4: add '- clock_time_get' to allowed_syscalls",
    );
  });
});

describe('the whole language', () => {
  const policy = parse(FULL, BASE);

  test('is plain data', () => {
    expect(structuredClone(policy)).toEqual(policy);
  });

  test('layers: what it extends first', () => {
    expect(policy.layers.map(({ name }) => name)).toEqual(['cli', 'base', 'reader']);
    expect(policy.name).toBe('reader');
  });

  test('limits: the least', () => {
    expect(policy.limits).toMatchObject({
      memory: { hard: 2 ** 25 },
      timeout: { hard: 2000 },
      cpuTime: { soft: 500, hard: 1000 },
      processes: { hard: 4 },
      fds: { hard: 10 },
    });
  });

  test('grants are kept as text, with their places', () => {
    expect(policy.layers[2]?.capabilities).toMatchObject([
      { text: 'clock', place: { line: 18, column: 18 } },
      { text: 'dir:./data:/data:ro' },
    ]);
  });

  test('namespaces', () => {
    expect(policy.namespaces).toEqual({
      pid: true,
      hostname: 'box',
      environment: { pass: [['LANG', 'LC_*']], set: { HOME: '/', PORT: '80' } },
      mounts: [['/data/**']],
    });
  });

  test('what it is for', () => {
    expect(policy.for).toEqual([{ program: '*.wasm', sha256: 'a0'.repeat(32) }]);
    expect(parseBody('for: [{program: a}, {program: "b*"}]').for).toEqual([
      { program: 'a', sha256: undefined },
      { program: 'b*', sha256: undefined },
    ]);
    expect(parseBody('name: any').for).toBeUndefined();
  });

  test.each<[string, Facts, string]>([
    ['fd_read', {}, 'allow'],
    ['path_open', { paths: ['/data/x'], access: 'read' }, 'allow'],
    ['path_open', { paths: ['/data/x'], access: 'write' }, 'allow'],
    ['proc_spawn', {}, 'errno'],
    ['fd_write', { kind: 'console', size: 65536 }, 'notify'],
    ['fd_write', { kind: 'console', size: 65537 }, 'kill'],
    ['fd_write', { kind: 'pipe', size: 1 }, 'errno'],
    ['sock_send', {}, 'errno'],
  ])('%s of %j: %s', (call, facts, action) => {
    expect(decide(policy, call, facts).action.do).toBe(action);
  });

  test('actions', () => {
    const act = (text: string) => parseBody(`allowed_syscalls: []\ndefault: ${text}`).layers[0]?.default;
    expect([
      act('errno'),
      act('"errno: ACCES"'),
      act('{ errno: NOSYS }'),
      act('kill'),
      act('trap'),
      act('log'),
      act('notify'),
    ]).toEqual([
      { do: 'errno', errno: 'PERM' },
      { do: 'errno', errno: 'ACCES' },
      { do: 'errno', errno: 'NOSYS' },
      { do: 'kill' },
      { do: 'trap' },
      { do: 'log' },
      { do: 'notify' },
    ]);
  });

  test('JSON is a way to write it', () => {
    expect(decide(parse(JSON.stringify({ process: { allowed_syscalls: ['read'] } })), 'fd_read', {}).action.do).toBe('allow');
  });

  test('an entry of a group with a condition is about those of it that have it', () => {
    const { layers } = parseBody('allowed_syscalls: [{call: "@clock", when: {clock: monotonic}}]');
    expect(layers[0]?.allowed?.[0]?.calls).toEqual(['clock_res_get', 'clock_time_get']);
  });
});

describe('extending', () => {
  test('a file is there once, however many ways lead to it', () => {
    const files = {
      './a.yaml': 'process: {extends: ./c.yaml}',
      './b.yaml': 'process: {extends: ./c.yaml}',
      './c.yaml': 'process: {name: c}',
    };
    expect(parse('process: {extends: [./a.yaml, ./b.yaml]}', files).layers.map(({ name }) => name)).toEqual([
      'c',
      'a',
      'b',
      'policy',
    ]);
  });

  test('in circles, too many, or nothing', () => {
    expect(complaint('process: {extends: ./policy.yaml}', { './policy.yaml': '' })).toContain('policy is expected');
    expect(complaint('process: {extends: ./a.yaml}', { './a.yaml': 'process: {extends: ./a.yaml}' })).toContain(
      "./a.yaml:1:20: './a.yaml' extends itself",
    );
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`./${i}.yaml`, `process: {extends: ./${i + 1}.yaml}`]));
    expect(complaint('process: {extends: ./0.yaml}', many)).toContain('extends at most 63 others');
    expect(complaint('process: {extends: computer}')).toContain("there is no policy 'computer'; did you mean 'compute'?");
  });

  test('what is wrong there is told with its file', () => {
    expect(complaint('process: {extends: ./a.yaml, foo: 1}', { './a.yaml': 'process: {bar: 1}' })).toMatch(
      /^policy.yaml:1:30: .*\n.*\n.*\^\n.*a.yaml:1:11: /,
    );
  });
});

describe('what is wrong is told where it is', () => {
  test('all of it, with the line, a caret, what was expected and the nearest name', () => {
    const text =
      'version: 1\nprocess:\n  nane: x\n  allowed_syscalls:\n    - exevce\n    - "@fs-red"\n    - {call: path_open, when: {pth: /x}}\n';
    expect(complaint(text)).toBe(`policy.yaml:3:3: 'nane' is no key here; did you mean 'name'?
    nane: x
    ^
policy.yaml:5:7: a system call, @group or name of POSIX is expected, not 'exevce'; did you mean 'execve'?
      - exevce
        ^
policy.yaml:6:7: a system call, @group or name of POSIX is expected, not '@fs-red'; did you mean '@fs-read'?
      - "@fs-red"
        ^
policy.yaml:7:32: 'pth' is no key here; did you mean 'path'?
      - {call: path_open, when: {pth: /x}}
                                 ^`);
  });

  test.each([
    ['', '1:1: a policy is expected'],
    ['# nothing\n', '1:1: a policy is expected'],
    ['[]', '1:1: a policy: a mapping with process is expected, not an empty list'],
    ['hello', "1:1: a policy: a mapping with process is expected, not 'hello'"],
    ['{}', '1:1: a mapping is expected, not nothing'],
    ['process:', '1:9: a mapping is expected, not nothing'],
    ['version: 2\nprocess: {}', "1:10: version 1 is expected, not '2'"],
    ['process: {}\nversoin: 1', "2:1: 'versoin' is no key here; did you mean 'version'?"],
    ['process:\n  allowed_syscalls:\n', '2:20: a list of names is expected, not nothing'],
    ['process:\n  allowed_syscalls: read\n', "2:21: a list of names is expected, not 'read'"],
    ['process:\n  allowed_syscalls: [null]\n', '2:22: a name, or a mapping with call is expected, not nothing'],
    ['process:\n  allowed_syscalls: [3]\n', "2:22: a system call, @group or name of POSIX is expected, not '3'"],
    ['process:\n  allowed_syscalls: [[read]]\n', '2:22: a name, or a mapping with call is expected, not a list'],
    ['process:\n  allowed_syscalls: [{when: {}}]\n', "2:22: an entry has 'call', a name, or 'calls', a list"],
    ['process:\n  allowed_syscalls: [{call: read, calls: [read]}]\n', "2:22: an entry has either 'call' or 'calls'"],
    ['process:\n  allowed_syscalls: [{call: fd_read, when: {}}]\n', "2:44: 'when' has at least one of path"],
    [
      'process:\n  allowed_syscalls: [{call: path_open, when: {path: []}}]\n',
      '2:53: a path, or a list of such is expected, not an empty list',
    ],
    [
      'process:\n  allowed_syscalls: [{call: fd_close, when: {path: /x}}]\n',
      "2:29: 'fd_close' has no path for a condition to ask for",
    ],
    ['process:\n  allowed_syscalls: [{call: "@random", when: {path: /x}}]\n', "2:29: '@random' has no path"],
    ['process:\n  allowed_syscalls: [{call: path_open, when: {path: /a/../b}}]\n', "2:56: paths have no '..'"],
    ['process:\n  allowed_syscalls: [{call: path_open, when: {path: "!/a**"}}]\n', "2:57: '**' stands alone"],
    [
      'process:\n  allowed_syscalls: [{call: path_open, when: {access: reed}}]\n',
      "2:55: read or write is expected, not 'reed'; did you mean 'read'?",
    ],
    [
      'process:\n  denied_syscalls: [{call: fd_write, when: {kind: stream}}]\n',
      "2:51: a kind is expected, not 'stream'; there are file, directory, device, console, pipe, socket",
    ],
    ['process:\n  denied_syscalls: [{call: fd_write, when: {size: 64k}}]\n', "2:51: a comparison such as '> 64k'"],
    [
      'process:\n  denied_syscalls: [{call: fd_write, action: allow}]\n',
      "2:46: an action: errno, errno: NAME, trap or kill is expected, not 'allow'",
    ],
    ['process:\n  denied_syscalls: [{call: fd_write, action: "errno: PREM"}]\n', "did you mean 'errno: PERM'?"],
    [
      'process:\n  denied_syscalls: [{call: fd_write, action: {errno: PREM}}]\n',
      "2:54: the name of an error such as PERM is expected, not 'PREM'",
    ],
    [
      'process:\n  allowed_syscalls: [{call: fd_write, action: kill}]\n',
      "2:47: an action: allow, log or notify is expected, not 'kill'",
    ],
    [
      'process:\n  allowed_syscalls: [{call: fd_write, action: notify}]\n  default: log\n',
      "2:47: 'notify' is stricter than 'default: log'",
    ],
    ['process:\n  allowed_syscalls: []\n  default: allow\n', '3:3: with '],
    ['process:\n  default: kill\n', "2:3: 'default' is for what allowed_syscalls leaves out"],
    ['process:\n  - fd_read: x\n  @fs-read\n', 'policy.yaml:3'],
    ['process:\n  allowed_syscalls:\n    - @fs-read\n', 'is written in quotes: "@fs-read"'],
    ['process:\n\tname: x\n', 'policy.yaml:2:1: lines are indented with spaces, not with a tab'],
    ['proces:\n  name: b\n', "1:1: 'proces' is no key here; did you mean 'process'?"],
    ['process:\n  allowed_syscalls:\n    - read\n   - write\n', '4:1: this line begins in another column than its neighbours'],
    ['process:\n  name: "b\n', '2:10: a closing quote is missing'],
    ['process:\n  limits: {memory: 64m\n', "2:22: '}' is missing"],
    ['process:\n  allowed_syscalls: [read\n', "2:25: ']' is missing"],
    ['process: {name: b}}\n', '1:19: this does not belong here'],
    ['process:\n  name: b: c\n', "2:9: a value with ': ' in it is written in quotes"],
    ['process:\n  for: {program: a b: c}\n', '2:18: within [ ] and { } entries are separated by commas'],
    ['process:\n  name: "\\d"\n', '2:10: within double quotes a backslash is written twice'],
    ['process:\n  name: %b\n', "2:9: what begins with this character is written in quotes: '...'"],
    ['process:\n  name: "b"#c\n', "a space is missing before '#'"],
    ['process: {name: a, name: b}', "1:20: 'name' is there twice"],
    ['process: &a {name: b}\n', "1:13: a policy has no anchors: leave out '&a'"],
    ['process: {name: &a b, extends: *a}\n', "1:32: a policy has no aliases: write what '*a' stands for"],
    ['process: !!binary aGVsbG8=\n', '1:19: a policy has no tags'],
    ['? [a]\n: b\n', '1:3: a key is a name'],
    ['1: b\n', '1:1: a key is a name'],
    ['process: {}\n---\nprocess: {}\n', ':2:1: another document begins; a policy is one'],
    ['%YAML 1.1\n---\nprocess: {}\n', '1:1: a policy has no directives'],
    ['process: {"__proto__": 1}\n', "1:11: '__proto__' is no key here"],
    ['process:\n  capabilities: ["dir:./data:/data:ro:x"]\n', '2:'],
    ['process:\n  capabilities: [clock:corse]\n', '2:24: nothing more, or coarse, is expected'],
    ['process:\n  limits: {memory: 64q}\n', '2:20: a size is expected, such as 64m'],
    ['process:\n  limits: {memroy: 64m}\n', "did you mean 'memory'?"],
    ['process:\n  limits: {memory: {soft: 2m, hard: 1m}}\n', '2:20: the soft limit is at most the hard one'],
    ['process:\n  limits: {memory: {soft: 2m}}\n', '2:20: a size such as 64m is expected, not nothing'],
    ['process:\n  limits: {fds: -1}\n', "2:17: a number is expected, not '-1'"],
    ['process:\n  for: {}\n', "2:8: 'for' has program, sha256 or both"],
    ['process:\n  for: {program: /bin/x}\n', "2:18: a name has no '/'"],
    ['process:\n  for: {sha256: abc}\n', "2:17: a hash of 64 hexadecimal digits is expected, not 'abc'"],
    ['process:\n  namespaces: {environment: {set: {"A=B": x}}}\n', "2:36: the name of a variable is expected, not 'A=B'"],
    ['process:\n  namespaces: {pid: yes}\n', "2:21: true or false is expected, not 'yes'"],
    ['process:\n  namespaces: {mounts: [data]}\n', "2:25: a path begins with '/'"],
    ['process:\n  name: "a\\e[2Jb"\n', 'a name of at most 128 characters is expected'],
  ])('%j', (text, expected) => {
    expect(complaint(text)).toContain(expected);
  });

  test('nothing that a terminal obeys is shown', () => {
    expect(complaint('process: {"\u009b2J": 1} # \u202e')).not.toMatch(/[\u009b\u202e]/);
  });

  test('many problems are counted', () => {
    expect(complaint(`process:\n  allowed_syscalls:\n${'    - exevce\n'.repeat(70)}`)).toMatch(/and 20 more$/);
  });

  test('of a long line a part is shown', () => {
    const text = `process: {allowed_syscalls: [${'read, '.repeat(5000)}raed]}`;
    expect(complaint(text).length).toBeLessThan(400);
    expect(complaint(text)).toContain('raed]}\n');
    const place = parse(text.replace('raed', 'read')).layers[0]?.allowed?.at(-1)?.place;
    expect(place?.text.length).toBeLessThan(200);
  });
});

test('the schema for editors is the one that policies are checked with', () => {
  const shipped = fs.readFileSync(path.join(import.meta.dirname, '../../../policies/schema.json'), 'utf8');
  expect(JSON.parse(shipped), 'run node scripts/policy-schema.js').toEqual(language.jsonSchema());
});

test('the limits are those of processes', () => {
  const names = { memory: 1, timeout: 1, cpuTime: 1, processes: 1, threads: 1, fds: 1, pipes: 1, output: 1, written: 1 };
  const all: Record<keyof LimitOptions, number> = names;
  expect(parse(JSON.stringify({ process: { limits: all } })).limits).toMatchObject(
    Object.fromEntries(Object.keys(all).map((name) => [name, { hard: 1 }])),
  );
});

test('a limit that does not exist is told of once', () => {
  expect(complaint('process:\n  limits: {memry: 64m}\n').match(/policy\.yaml:/g)).toHaveLength(1);
});
