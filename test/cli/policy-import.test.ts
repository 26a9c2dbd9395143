// Policies from seccomp profiles, in the shape that container engines have them.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { decide } from '../../src/caps/policy/decide.ts';
import { permits } from '../../src/caps/policy/diff.ts';
import { importSeccomp } from '../../src/cli/policy/seccomp.ts';
import { readPolicy } from '../../src/machine/policy.ts';
import { VOCABULARY } from '../../src/syscalls/vocabulary.ts';
import { superos } from '../e2e/command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-import-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

async function imported(profile: object) {
  const { text, told } = importSeccomp(profile, 'profile.json', VOCABULARY);
  const policy = await readPolicy({ text, file: 'profile.yaml' });
  const action = (call: string) => {
    const { action } = decide(policy, call, {});
    return action.do === 'errno' ? action.errno : action.do;
  };
  return { text, told, policy, action };
}
const ALLOW = 'SCMP_ACT_ALLOW';
const ERRNO = 'SCMP_ACT_ERRNO';
const rule = (names: string[], action: string, more: object = {}) => ({
  names,
  action,
  args: [],
  includes: {},
  excludes: {},
  ...more,
});

/** As the default profiles of container engines are made: a list of what is allowed, some of it for arguments or privileges. */
const ENGINE = {
  defaultAction: ERRNO,
  defaultErrnoRet: 1,
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }],
  syscalls: [
    rule(['read', 'write', 'openat', 'close', 'mmap', 'exit_group', 'futex', 'frobnicate'], ALLOW),
    rule(['ptrace'], ALLOW, { includes: { minKernel: '4.8' } }),
    rule(['personality'], ALLOW, { args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ' }] }),
    rule(['bpf', 'mount'], ALLOW, { includes: { caps: ['CAP_SYS_ADMIN'] } }),
    rule(['sync_file_range2'], ALLOW, { includes: { arches: ['ppc64le'] } }),
    rule(['clone'], ALLOW, {
      args: [{ index: 0, value: 2114060288, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    }),
    rule(['clone3'], ERRNO, { errnoRet: 38, excludes: { caps: ['CAP_SYS_ADMIN'] } }),
  ],
};

describe('a list of what is allowed', () => {
  test('is one here, with what every program needs at its start', async () => {
    const { action, text } = await imported(ENGINE);
    for (const call of ['fd_read', 'fd_write', 'path_open', 'fd_close', 'memory_grow', 'args_get', 'fd_prestat_get'])
      expect([call, action(call)]).toEqual([call, 'allow']);
    for (const call of ['fd_seek', 'proc_kill', 'chmod', 'random_get']) expect([call, action(call)]).toEqual([call, 'PERM']);
    expect(action('proc_spawn')).toBe('NOSYS');
    expect(text).toMatch(/^ {4}- read$/m);
    expect(text).toContain('No process has these, whatever a policy says: futex');
  });

  test('what it cannot say is told', async () => {
    const { told, text } = await imported(ENGINE);
    expect(told).toEqual([
      'personality: allowed there for some arguments only; left out',
      'a rule for bpf, mount is left out: it is for processes that have CAP_SYS_ADMIN',
      'a rule for sync_file_range2 is left out: it is for ppc64le',
      'clone: allowed there for some arguments only; left out',
      'not known, and left out: frobnicate',
    ]);
    for (const one of told) expect(text.replace(/\n# +/g, ' ')).toContain(one);
  });
});

test('an error that is not known is told', async () => {
  const { told, action } = await imported({
    defaultAction: ALLOW,
    syscalls: [rule(['execve'], ERRNO, { errnoRet: 99_999 }), rule(['unlink'], ERRNO, { errnoRet: 5 })],
  });
  expect(action('proc_spawn')).toBe('IO');
  expect(told.filter((one) => one.includes('is EIO'))).toEqual([expect.stringContaining('the error 99999 is not known')]);
});

test('a list of what is denied', async () => {
  const { action, policy } = await imported({
    defaultAction: ALLOW,
    syscalls: [
      rule(['execve'], 'SCMP_ACT_KILL_PROCESS'),
      rule(['unlinkat', 'unlink'], ERRNO, { errnoRet: 30 }),
      rule(['openat'], 'SCMP_ACT_TRAP', { args: [{ index: 2, value: 64, op: 'SCMP_CMP_MASKED_EQ' }] }),
      rule(['getrandom'], 'SCMP_ACT_LOG'),
      rule(['kill'], 'SCMP_ACT_NOTIFY'),
    ],
  });
  expect(policy.layers[0]!.allowed).toBeUndefined();
  expect(['proc_spawn', 'path_unlink_file', 'path_open', 'random_get', 'proc_kill', 'fd_read'].map(action)).toEqual([
    'kill',
    'ROFS',
    'trap',
    'allow',
    'PERM',
    'allow',
  ]);
});

test('of several rules for a name the first decides', async () => {
  const first = await imported({ defaultAction: ERRNO, syscalls: [rule(['read'], ALLOW), rule(['read'], 'SCMP_ACT_KILL')] });
  expect(first.action('fd_read')).toBe('allow');
  const second = await imported({ defaultAction: ALLOW, syscalls: [rule(['read'], 'SCMP_ACT_KILL'), rule(['read'], ALLOW)] });
  expect(second.action('fd_read')).toBe('kill');
  const some = { args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] };
  const third = await imported({
    defaultAction: ERRNO,
    syscalls: [rule(['read'], 'SCMP_ACT_KILL', some), rule(['read'], ALLOW)],
  });
  expect(third.action('fd_read')).toBe('kill');
  const fourth = await imported({ defaultAction: ERRNO, syscalls: [rule(['read'], ALLOW, some), rule(['read'], ALLOW)] });
  expect(fourth.action('fd_read')).toBe('allow');
});

test('names of one call here that are treated differently there: refused, and told', async () => {
  const { action, told } = await imported({
    defaultAction: ERRNO,
    syscalls: [rule(['openat'], ALLOW), rule(['open'], 'SCMP_ACT_KILL')],
  });
  expect(action('path_open')).toBe('kill');
  expect(told).toEqual(['path_open is openat, which is allowed there, and open, which is not: refused']);
});

test.each(['SCMP_ACT_LOG', 'SCMP_ACT_TRACE', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP'])('by default %s', async (defaultAction) => {
  const { action } = await imported({
    defaultAction,
    syscalls: [rule(['read'], ALLOW), rule(['write'], 'SCMP_ACT_NOTIFY'), { name: 'close', action: ALLOW }],
  });
  expect(action('fd_read')).toBe('allow');
  expect(action('fd_close')).toBe('allow');
  expect(action('chmod')).toBe(
    { SCMP_ACT_LOG: 'log', SCMP_ACT_TRACE: 'notify', SCMP_ACT_KILL_THREAD: 'kill', SCMP_ACT_TRAP: 'trap' }[defaultAction],
  );
  expect(action('fd_write')).toBe(defaultAction === 'SCMP_ACT_LOG' ? 'PERM' : 'notify');
});

test('whatever a profile says, a call is allowed only if a name of it is, whatever its arguments', async () => {
  const names = fc.constantFrom(
    'read',
    'readv',
    'write',
    'openat',
    'open',
    'stat',
    'fstat',
    'lseek',
    'kill',
    'getrandom',
    'mmap',
    'brk',
    'nonsense',
    'ptrace',
  );
  const actions = fc.constantFrom(ALLOW, ERRNO, 'SCMP_ACT_KILL', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY', 'SCMP_ACT_TRAP');
  const rules = fc.array(
    fc.record({
      names: fc.array(names, { maxLength: 3 }),
      action: actions,
      args: fc.constantFrom([], null, [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }]),
      includes: fc.constantFrom({}, { caps: ['CAP_X'] }, { arches: ['amd64'] }, { arches: ['s390x'] }),
      excludes: fc.constantFrom({}, { caps: ['CAP_X'] }, { arches: ['amd64'] }),
      errnoRet: fc.constantFrom(undefined, 1, 2, 38, 99_999),
    }),
    { maxLength: 6 },
  );
  const good = new Set([ALLOW, 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY']);
  await fc.assert(
    fc.asyncProperty(actions, rules, async (defaultAction, syscalls) => {
      const { policy } = await imported({ defaultAction, syscalls });
      const applies = syscalls.filter(
        ({ includes, excludes }) =>
          !('caps' in includes) && !('arches' in includes && includes.arches[0] === 's390x') && !('arches' in excludes),
      );
      const surely = (name: string) => {
        for (const one of applies) {
          if (!(one.names as readonly string[]).includes(name)) continue;
          if (!good.has(one.action)) return false;
          if ((one.args ?? []).length === 0) return true;
        }
        return good.has(defaultAction);
      };
      for (const [name, calls] of VOCABULARY.posix) {
        for (const call of calls) {
          if (call === 'proc_exit' || !permits(decide(policy, call, {}))) continue;
          const names = [...VOCABULARY.posix].filter(([, list]) => list.includes(call)).map(([one]) => one);
          const needed = ['fd_fdstat_get'].includes(call);
          if (!needed) expect([name, call, names.some(surely)]).toEqual([name, call, true]);
        }
      }
    }),
    { numRuns: 150 },
  );
});

describe('what is no profile', () => {
  test.each<[unknown, string]>([
    [[], 'an object is expected'],
    [{}, 'defaultAction is missing'],
    [{ defaultAction: 'ALLOW' }, 'defaultAction: SCMP_ACT_ALLOW, '],
    [{ defaultAction: 'toString' }, 'defaultAction: SCMP_ACT_ALLOW, '],
    [{ defaultAction: ALLOW, syscalls: {} }, 'syscalls: a list'],
    [{ defaultAction: ALLOW, syscalls: [1] }, 'syscalls[0]: an object'],
    [{ defaultAction: ALLOW, syscalls: [{ action: ALLOW }] }, 'syscalls[0].names'],
    [{ defaultAction: ALLOW, syscalls: [{ names: ['x'], action: 'NO' }] }, 'syscalls[0].action'],
    [{ defaultAction: ALLOW, syscalls: [{ names: ['x'], action: ALLOW, args: 'x' }] }, 'syscalls[0].args'],
  ])('%j', (profile, says) => {
    expect(() => importSeccomp(profile, 'p.json', VOCABULARY)).toThrow(`p.json is no seccomp profile: ${says}`);
  });
});

test('on the command line', () => {
  const file = path.join(scratch, 'engine.json');
  fs.writeFileSync(file, JSON.stringify(ENGINE));
  const output = path.join(scratch, 'engine.yaml');
  const { stdout, stderr, status } = superos(['policy', 'import', file, '-o', output]);
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  expect(stderr).toContain('superos: not known, and left out: frobnicate\n');
  const again = superos(['policy', 'import', '-'], { input: JSON.stringify(ENGINE) });
  expect(again.stdout.split('\n').slice(1)).toEqual(
    fs.readFileSync(output, 'utf8').replace('name: engine', 'name: imported').split('\n').slice(1),
  );
  expect(superos(['policy', 'check', output])).toMatchObject({ stdout: expect.stringMatching(/: valid\n$/), status: 0 });
  expect(superos(['policy', 'import', file, '-o', output])).toMatchObject({
    stderr: `superos: -o ${output}: it is there already\n`,
    status: 125,
  });
});
