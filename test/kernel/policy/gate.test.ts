// What a policy makes of the calls of a process: on the real kernel, through a guest.
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Capability } from '../../../src/caps/capability.ts';
import { OpenDirectory } from '../../../src/caps/directory.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS } from '../../../src/caps/rights.ts';
import type { Directory } from '../../../src/hal/disk.ts';
import type { Question, Supervisor } from '../../../src/kernel/policy/supervisor.ts';
import type { Watch } from '../../../src/kernel/policy/watch.ts';
import type { Program } from '../../../src/runtime/program.ts';
import { ERRNO } from '../../../src/syscalls/errno.ts';
import { directory, file, options, put } from '../../hal/disks.ts';
import { drained, simulated } from '../machine.ts';
import { exporting, Guest } from './guest.ts';
import { type Lists, PERM, policyOf } from './policies.ts';

let program: Program;
beforeAll(async () => {
  program = await exporting(
    'clock_time_get',
    'fd_write',
    'fd_mode',
    'path_open',
    'path_filestat_get',
    'path_rename',
    'path_link',
    'path_symlink',
    'path_unlink_file',
    'path_mode',
    'poll_oneoff',
    'chmod',
    'random_get',
    'sched_yield',
    'proc_exit',
  );
});

const START = 3;

/** A process under these lists, with a directory as descriptor 3 that it knows as /data. */
function start(
  lists: readonly Lists[],
  { enforce = true, ...supervisor }: Supervisor & { enforce?: boolean } = {},
  links = false,
) {
  const machine = simulated();
  const root = machine.hal.disk.open('/', links) as Directory;
  for (const name of ['public', 'public/sub', 'secret']) expect(root.makeDirectory(name)).toBeUndefined();
  put(root, 'public/f', 'public');
  put(root, 'secret/f', 'secret');
  for (const [name, target] of [
    ['public/to-secret', '../secret'],
    ['public/to-f', '../secret/f'],
    ['to-public', 'public'],
    ['public/sub/again', '../f'],
  ] as const)
    expect(root.symlink(target, name)).toBeUndefined();
  const held = new Capability(new OpenDirectory(root, '/data'), DIRECTORY_RIGHTS, DIRECTORY_RIGHTS | FILE_RIGHTS, '/data');
  const watch: Watch = { policy: policyOf(...lists), enforce, supervisor };
  const { process, stdout } = machine.spawn(program, { task: 'reactor', descriptors: [held], watch });
  const { disk } = machine.hal;
  return { ...machine, process, stdout, guest: new Guest(process), tree: () => disk.open('/') as Directory };
}

describe('whatever the arguments', () => {
  test('what no policy speaks of is allowed', async () => {
    const { guest, process } = start([{}]);
    expect(await guest.call('clock_time_get', 1, 0n, guest.room())).toBe('');
    process.signal('SIGKILL');
    expect((await process.done).refused).toBeUndefined();
  });

  test('what is not on the list gets the default, and the status says so', async () => {
    const { guest, process } = start([{ allowed: ['fd_write'] }]);
    expect(await guest.call('clock_time_get', 1, 0n, guest.room())).toBe('PERM');
    expect(await guest.call('clock_time_get', 1, 0n, guest.room())).toBe('PERM');
    expect(await guest.write(1, 'x')).toBe('');
    process.signal('SIGKILL');
    const { refused, usage } = await process.done;
    expect(refused).toEqual([
      {
        call: 'clock_time_get',
        facts: { clock: 'monotonic' },
        action: PERM,
        rule: undefined,
        place: expect.objectContaining({ line: 1 }),
        remedy: "p.yaml:1: add '- clock_time_get' to allowed_syscalls",
        count: 2,
      },
    ]);
    expect(usage.calls['clock_time_get']).toBe(2);
  });

  test('code without checks of its own breathes at a call that is refused so, the first time too', async () => {
    const { process } = start([{ allowed: ['fd_write'] }]);
    await process.call({ name: 'grow', args: [0] });
    const { gate, kernel, thread } = process;
    const made = gate!.link('clock_time_get', thread, true);
    const breathe = vi.spyOn(thread, 'breathe').mockReturnValue(-1);
    kernel.hal.tick.words[0] = 1;
    expect([made(1, 0, 0, 64), made(1, 0, 0, 64)]).toEqual([-1, -1]);
    expect(breathe.mock.calls).toEqual([[ERRNO.PERM], [ERRNO.PERM]]);
    kernel.hal.tick.words[0] = 0;
    // Arguments that are none at all change nothing.
    const { gate: other, thread: another } = start([{ allowed: ['fd_write'] }]).process;
    expect(other!.link('clock_time_get', another, false)(1, 0, 0, 2 ** 31)).toBe(ERRNO.PERM);
    expect(other!.refused).toMatchObject([{ call: 'clock_time_get', facts: {}, count: 1 }]);
  });

  test('denied wins over allowed', async () => {
    const { guest } = start([{ allowed: ['random_get'], denied: ['random_get'] }]);
    expect(await guest.call('random_get', 0, 4)).toBe('PERM');
  });

  test('a call that returns a value has 0 for an error', async () => {
    const { guest } = start([{ denied: ['fd_mode'] }]);
    expect(await guest.number('fd_mode', START)).toBe(0);
  });

  test.each([
    ['kill', 'policy', 'SIGSYS', 'clock_time_get is not allowed (p.yaml:200)'],
    ['trap', 'trap', null, 'clock_time_get is not allowed (p.yaml:200)'],
  ] as const)('%s ends the process', async (how, reason, signal, message) => {
    const { guest, process } = start([{ denied: [['clock_time_get', {}, { do: how }]] }]);
    await expect(guest.call('clock_time_get', 1, 0n, guest.room())).rejects.toThrow();
    expect(await process.done).toMatchObject({ reason, signal, message, refused: [{ call: 'clock_time_get', count: 1 }] });
  });

  test('a process can always end', async () => {
    const { guest, process } = start([{ allowed: [], rest: { do: 'kill' } }]);
    await expect(guest.number('proc_exit', 7)).rejects.toThrow();
    expect(await process.done).toMatchObject({ reason: 'exit', code: 7 });
  });

  test('a log goes on, and is no refusal', async () => {
    const { guest, process } = start([{ allowed: [['random_get', {}, { do: 'log' }]] }]);
    expect(await guest.call('random_get', 0, 4)).toBe('');
    process.signal('SIGKILL');
    expect((await process.done).refused).toBeUndefined();
  });

  test('where it is not enforced all goes on, and is told', async () => {
    const { guest, process } = start([{ allowed: [], denied: [['random_get', {}, { do: 'kill' }]] }], { enforce: false });
    expect(await guest.call('random_get', 0, 4)).toBe('');
    expect(await guest.call('sched_yield')).toBe('');
    process.signal('SIGKILL');
    expect((await process.done).refused).toMatchObject([
      { call: 'random_get', facts: { size: 4 }, action: { do: 'kill' } },
      { call: 'sched_yield', action: PERM },
    ]);
  });

  test('every layer must allow', async () => {
    const { guest } = start([{ allowed: ['random_get', 'sched_yield'] }, { allowed: ['sched_yield', 'clock_time_get'] }]);
    expect(await guest.call('random_get', 0, 4)).toBe('PERM');
    expect(await guest.call('clock_time_get', 1, 0n, guest.room())).toBe('PERM');
    expect(await guest.call('sched_yield')).toBe('');
  });
});

describe('by arguments', () => {
  test('sizes', async () => {
    const { guest, stdout } = start([
      {
        denied: [
          ['fd_write', { size: ['> 4'] }],
          ['random_get', { size: ['> 8'] }],
        ],
      },
    ]);
    expect(await guest.write(1, '1234')).toBe('');
    expect(await guest.write(1, '12345')).toBe('PERM');
    expect(drained(stdout)).toBe('1234');
    expect(await guest.call('random_get', 0, 8)).toBe('');
    expect(await guest.call('random_get', 0, 9)).toBe('PERM');
  });

  test('the kind of what a descriptor is', async () => {
    const { guest } = start([{ denied: [['fd_write', { kind: ['pipe'] }]] }]);
    expect(await guest.write(1, 'x')).toBe('PERM');
    const fd = await guest.open(START, 'new', { oflags: 1, rights: 64n });
    expect(await guest.write(fd as number, 'x')).toBe('');
  });

  test('clocks', async () => {
    const { guest } = start([{ allowed: [['clock_time_get', { clock: ['monotonic'] }]] }]);
    expect(await guest.call('clock_time_get', 1, 0n, guest.room())).toBe('');
    expect(await guest.call('clock_time_get', 0, 0n, guest.room())).toBe('PERM');
    expect(await guest.call('clock_time_get', 77, 0n, guest.room())).toBe('PERM');
  });

  test('growing memory', async () => {
    const { guest } = start([{ allowed: [['memory_grow', { size: ['<= 128k'] }]] }]);
    expect(await guest.number('grow', 3)).toBe(-1);
    expect(await guest.number('grow', 2)).toBe(1);
    expect(await guest.number('grow', 0)).toBe(3);
  });

  test('what is not there is the call to refuse before the policy is asked', async () => {
    const { guest, process } = start([{ denied: [['fd_write', { size: ['> 4'] }, { do: 'kill' }]] }]);
    expect(await guest.call('fd_write', 99, 0, 0, 0)).toBe('BADF');
    expect(await guest.call('fd_write', 1, 0x7fff0000, 9, 0)).toBe('FAULT');
    expect(process.status).toBeUndefined();
  });
});

describe('by path', () => {
  const reading: Lists = {
    allowed: [['path_open', { path: ['/data/public/**'] }], 'path_filestat_get', 'path_symlink', 'path_rename', 'fd_write'],
  };

  test('what the pattern names, and nothing else', async () => {
    const { guest } = start([reading]);
    expect(await guest.open(START, 'public/f')).toBeTypeOf('number');
    expect(await guest.open(START, './public//sub/.', { rights: 0n })).toBeTypeOf('number');
    expect(await guest.open(START, 'secret/f')).toBe('PERM');
    expect(await guest.open(START, 'public')).toBeTypeOf('number');
    expect(await guest.open(START, '.')).toBe('PERM');
    expect(await guest.open(START, 'publicity', { oflags: 1 })).toBe('PERM');
  });

  test('a path that goes up is judged by where it leads', async () => {
    const { guest } = start([reading]);
    expect(await guest.open(START, 'public/../secret/f')).toBe('PERM');
    expect(await guest.open(START, 'secret/../public/f')).toBeTypeOf('number');
    expect(await guest.open(START, 'to-public/sub/../../secret/f')).toBe('PERM');
    expect(await guest.open(START, '../secret/f')).toBe('PERM');
  });

  test('a link is judged by where it leads, in the middle and at the end', async () => {
    const { guest } = start([reading]);
    expect(await guest.open(START, 'public/to-f')).toBe('PERM');
    expect(await guest.open(START, 'public/to-secret/f')).toBe('PERM');
    expect(await guest.open(START, 'to-public/f')).toBeTypeOf('number');
    expect(await guest.open(START, 'public/sub/again')).toBeTypeOf('number');
    expect(await guest.open(START, 'public/to-f', { follow: 0 })).toBe('LOOP');
  });

  test('a link that a guest makes leads nowhere that it may not go', async () => {
    const { guest } = start([reading]);
    expect(await guest.call('path_symlink', ...guest.put('../secret/f'), START, ...guest.put('public/mine'))).toBe('');
    expect(await guest.open(START, 'public/mine')).toBe('PERM');
    expect(await guest.call('path_symlink', ...guest.put('secret'), START, ...guest.put('alias'))).toBe('');
    expect(await guest.open(START, 'alias/f')).toBe('PERM');
  });

  test('calls without rules follow links as ever', async () => {
    const { guest } = start([reading]);
    const stat = (path: string, follow: number) =>
      guest.call('path_filestat_get', START, follow, ...guest.put(path), guest.room(64));
    expect(await stat('public/to-f', 1)).toBe('');
    expect(await stat('public/to-secret/f', 0)).toBe('');
    expect(await stat('to-public/', 0)).toBe('');
    expect(await stat('public/none', 1)).toBe('NOENT');
    expect(await stat('../x', 1)).toBe('PERM');
  });

  test('names beneath an opened directory', async () => {
    const { guest } = start([reading]);
    const sub = (await guest.open(START, 'public', { oflags: 2, rights: 1n << 13n, inheriting: 2n | (1n << 13n) })) as number;
    expect(await guest.open(sub, 'f')).toBeTypeOf('number');
    expect(await guest.open(sub, 'sub/again')).toBeTypeOf('number');
    expect(await guest.open(sub, 'to-f')).toBe('PERM');
  });

  test('of two paths all must be allowed, and one is enough to refuse', async () => {
    const both = start([{ allowed: [['path_rename', { path: ['/data/public/**'] }]] }]);
    const rename = ({ guest }: typeof both, from: string, to: string) =>
      guest.call('path_rename', START, ...guest.put(from), START, ...guest.put(to));
    expect(await rename(both, 'public/f', 'public/g')).toBe('');
    expect(await rename(both, 'public/g', 'g')).toBe('PERM');
    expect(await rename(both, 'secret/f', 'public/f')).toBe('PERM');
    const one = start([{ denied: [['path_rename', { path: ['/data/secret/**'] }]] }]);
    expect(await rename(one, 'secret/f', 'g')).toBe('PERM');
    expect(await rename(one, 'public/f', 'secret/g')).toBe('PERM');
    expect(await rename(one, 'public/f', 'public/to-secret/g')).toBe('PERM');
    expect(await rename(one, 'public/f', 'g')).toBe('');
  });

  test('a directory moved where rules do not reach keeps the name it was opened by', async () => {
    const { guest } = start([{ denied: [['path_open', { path: ['/data/secret/**'] }]] }]);
    const move = (from: string, to: string) => guest.call('path_rename', START, ...guest.put(from), START, ...guest.put(to));
    expect(await guest.open(START, 'secret', { oflags: 2 })).toBe('PERM');
    expect(await move('secret', 'free')).toBe('');
    expect(await guest.open(START, 'free/f')).toBeTypeOf('number');
  });

  test('what lies beneath a directory goes with it: to refuse it, that something might fit is enough', async () => {
    const { guest, tree } = start([
      { denied: [['path_rename', { path: ['/data/public/sub/**', '!/data/public/sub/open/**'] }], 'path_open'] },
    ]);
    expect(tree().makeDirectory('public/sub/open')).toBeUndefined();
    expect(tree().makeDirectory('public/sub/open/x')).toBeUndefined();
    expect(tree().makeDirectory('public/other')).toBeUndefined();
    const move = (from: string, to: string) => guest.call('path_rename', START, ...guest.put(from), START, ...guest.put(to));
    expect(await move('public', 'b')).toBe('PERM');
    expect(await move('to-public', 'b')).toBe('');
    expect(await move('public/sub', 'b')).toBe('PERM');
    expect(await move('public/', 'b')).toBe('PERM');
    // A directory that would be above what is protected.
    expect(await move('secret', 'public')).toBe('PERM');
    expect(await move('secret', 'public/sub')).toBe('PERM');
    // What is no directory has nothing beneath it.
    expect(await move('public/f', 'public/g')).toBe('');
    expect(await move('public/other', 'public/another')).toBe('');
    expect(await move('public/sub/open/x', 'x')).toBe('');
    expect(await move('secret', 'elsewhere')).toBe('');
  });

  test('to allow it all must be allowed', async () => {
    const rename = (path: string[]) => start([{ allowed: [['path_rename', { path }]] }]);
    const move = ({ guest }: ReturnType<typeof rename>, from: string, to: string) =>
      guest.call('path_rename', START, ...guest.put(from), START, ...guest.put(to));
    expect(await move(rename(['/data/public', '/data/p']), 'public', 'p')).toBe('PERM');
    expect(await move(rename(['/data/*']), 'public', 'p')).toBe('PERM');
    expect(await move(rename(['/data/public/**', '/data/p/*']), 'public', 'p')).toBe('PERM');
    expect(await move(rename(['/data/**', '!/data/*/f']), 'public', 'p')).toBe('PERM');
    expect(await move(rename(['/data/public/*']), 'public/f', 'public/g')).toBe('');
    expect(await move(rename(['/data/public/**', '/data/p/**']), 'public', 'p')).toBe('');
    expect(await move(rename(['/data/**', '!/data/secret/**']), 'public', 'p')).toBe('');
  });

  test('a call with a value of its own goes where links lead, too', async () => {
    const { guest } = start([{ denied: [['path_mode', { path: ['/data/none/**'] }]] }]);
    const mode = (path: string, follow: number) => guest.number('path_mode', ...guest.put(path), follow);
    expect((await mode('/data/to-public/f', 1)) & 0o170000).toBe(0o100000);
    expect((await mode('/data/to-public', 1)) & 0o170000).toBe(0o040000);
    expect((await mode('/data/to-public', 0)) & 0o170000).toBe(0o120000);
    expect(await mode('/data/../x', 1)).toBe(0);
  });

  test('paths that are no descriptor’s', async () => {
    const { guest } = start([
      {
        denied: [
          ['path_mode', { path: ['/data/secret/**'] }],
          ['chmod', { path: ['/data/secret/**'] }],
        ],
      },
    ]);
    const mode = (path: string, follow: number) => guest.number('path_mode', ...guest.put(path), follow);
    expect(await mode('/data/public/f', 1)).not.toBe(0);
    expect(await mode('/data/secret/f', 1)).toBe(0);
    expect(await mode('data/public/to-f', 1)).toBe(0);
    expect(await mode('data/public/to-f', 0)).not.toBe(0);
    expect(await mode('/data/public/to-secret/f', 0)).toBe(0);
    expect(await guest.call('chmod', ...guest.put('/data/public/to-f'), 0o600)).toBe('PERM');
    expect(await guest.call('chmod', ...guest.put('/data/public/f'), 0o600)).toBe('');
  });

  test('reading and writing', async () => {
    const { guest } = start([{ allowed: [['path_open', { path: ['/data/**'], access: ['read'] }]] }]);
    expect(await guest.open(START, 'public/f')).toBeTypeOf('number');
    expect(await guest.open(START, 'public/f', { rights: 64n })).toBe('PERM');
    expect(await guest.open(START, 'public/f', { oflags: 8 })).toBe('PERM');
    expect(await guest.open(START, 'public/new', { oflags: 1 })).toBe('PERM');
  });

  test('what was refused has not been done', async () => {
    const { guest, process } = start([
      {
        denied: [
          ['path_open', { path: ['/data/secret/**'] }],
          ['path_unlink_file', { path: ['/data/secret/**'] }],
        ],
      },
    ]);
    expect(await guest.open(START, 'public/to-f', { oflags: 8, rights: 64n })).toBe('PERM');
    expect(await guest.call('path_unlink_file', START, ...guest.put('public/to-secret/f'))).toBe('PERM');
    const held = directory(process.capabilities.slots[START]!.object.directory!);
    expect(file(held.open('secret/f', options())).stat()).toMatchObject({ size: 6n });
  });
});

describe('asking', () => {
  const asking: Lists = {
    allowed: [
      ['fd_write', {}, { do: 'notify' }],
      ['path_open', { path: ['/data/public/**'] }, { do: 'notify' }],
      ['path_mode', {}, { do: 'notify' }],
    ],
  };

  test('the call waits for the answer, with what it was called with', async () => {
    const questions: Question[] = [];
    const answer = Promise.withResolvers<boolean>();
    const { guest, process, stdout } = start([asking], {
      ask: (question) => {
        questions.push(question);
        return answer.promise;
      },
    });
    const writing = guest.write(1, 'hello');
    await expect.poll(() => questions).toHaveLength(1);
    expect(questions[0]).toEqual({
      pid: process.pid,
      program: program.name,
      call: 'fd_write',
      facts: { kind: 'pipe', size: 5 },
      rule: 'fd_write',
      place: expect.objectContaining({ line: 100 }),
    });
    expect(drained(stdout)).toBe('');
    expect(process.state).toBe('blocked');
    answer.resolve(true);
    expect(await writing).toBe('');
    expect(drained(stdout)).toBe('hello');
    process.signal('SIGKILL');
    expect((await process.done).refused).toBeUndefined();
  });

  test.each<[string, Supervisor]>([
    ['no', { ask: async () => false }],
    ['nobody answers', {}],
    ['who is asked fails', { ask: () => Promise.reject(new Error('failed')) }],
    ['what is no boolean', { ask: async () => 'yes' as unknown as boolean }],
  ])('%s is a no', async (_, supervisor) => {
    const { guest, process, stdout } = start([asking], supervisor);
    expect(await guest.write(1, 'hello')).toBe('PERM');
    expect(drained(stdout)).toBe('');
    process.signal('SIGKILL');
    expect((await process.done).refused).toMatchObject([{ call: 'fd_write', action: { do: 'notify' }, count: 1 }]);
  });

  test('a process that waits for an answer can be killed, and the answer comes too late', async () => {
    const answer = Promise.withResolvers<boolean>();
    const { guest, process, stdout } = start([asking], { ask: () => answer.promise });
    const writing = guest.write(1, 'hello');
    await expect.poll(() => process.state).toBe('blocked');
    process.signal('SIGKILL');
    await expect(writing).rejects.toThrow();
    answer.resolve(true);
    await process.done;
    expect(drained(stdout)).toBe('');
  });

  test('what is revoked while the question stands is gone', async () => {
    const answer = Promise.withResolvers<boolean>();
    const { guest, process, stdout } = start([asking], { ask: () => answer.promise });
    const writing = guest.write(1, 'hello');
    await expect.poll(() => process.state).toBe('blocked');
    process.capabilities.close(1);
    answer.resolve(true);
    expect(await writing).toBe('BADF');
    expect(drained(stdout)).toBe('');
  });

  test('a link put in place of a file while the question stands is not followed', async () => {
    const answer = Promise.withResolvers<boolean>();
    const asked: Question[] = [];
    const { guest, process } = start([asking], {
      ask: (question) => {
        asked.push(question);
        return answer.promise;
      },
    });
    const opening = guest.open(START, 'public/f');
    await expect.poll(() => process.state).toBe('blocked');
    const held = directory(process.capabilities.slots[START]!.object.directory!);
    expect(held.unlink('public/f', false)).toBeUndefined();
    expect(held.symlink('../secret/f', 'public/f')).toBeUndefined();
    answer.resolve(true);
    expect(await opening).toBe('LOOP');
    expect(asked).toHaveLength(1);
  });

  test('a value comes back as it is', async () => {
    const { guest } = start([asking], { ask: async () => true });
    expect((await guest.number('path_mode', ...guest.put('/data/public/f'), 1)) & 0o170000).toBe(0o100000);
  });
});

test('a time that is waited for is a time that is read', async () => {
  const poll = async ({ guest }: { guest: Guest }, timeout: bigint, flags: number, clock = 1) => {
    const [at] = guest.put('x'.repeat(48));
    const { memory } = guest.process;
    memory.bytes.fill(0, at, at + 48);
    memory.setU32(at + 16, clock);
    memory.setU64(at + 24, timeout);
    memory.setU16(at + 40, flags);
    return guest.call('poll_oneoff', at, guest.room(), 1, guest.room());
  };
  const clock = (name: string): Lists => ({ denied: [['clock_time_get', { clock: [name] }]] });
  expect(await poll(start([{}]), 0n, 1)).toBe('');
  expect(await poll(start([{ denied: ['clock_time_get'] }]), 0n, 1)).toBe('PERM');
  expect(await poll(start([{ allowed: ['poll_oneoff'] }]), 0n, 1)).toBe('PERM');
  expect(await poll(start([clock('realtime')]), 0n, 1, 0)).toBe('PERM');
  expect(await poll(start([clock('realtime')]), 0n, 1, 1)).toBe('');
  // How long it takes is no time of day.
  expect(await poll(start([{ denied: ['clock_time_get'] }]), 0n, 0)).toBe('');
  const seen: unknown[] = [];
  const observed = start([{}], { observe: (list) => seen.push(...list.map(({ call, facts }) => [call, facts])) });
  await poll(observed, 0n, 1, 0);
  observed.process.signal('SIGKILL');
  await observed.process.done;
  expect(seen).toContainEqual(['clock_time_get', { clock: 'realtime' }]);
});

describe('who watches', () => {
  test('sees each kind of call once, by where its paths lead, with what was refused', async () => {
    const seen: unknown[] = [];
    const { guest, process } = start([{ denied: ['random_get'] }], { observe: (list) => seen.push(...list) });
    await guest.open(START, 'to-public/f');
    await guest.open(START, 'public/f');
    await guest.call('random_get', 0, 4);
    await guest.number('grow', 1);
    process.signal('SIGKILL');
    await process.done;
    expect(seen).toEqual([
      { call: 'path_open', facts: { kind: 'directory', access: 'read', paths: ['/data/public/f'] }, count: 2 },
      { call: 'random_get', facts: { size: 4 }, count: 1 },
      { call: 'memory_grow', facts: { size: 65_536 }, count: 1 },
    ]);
  });

  test('a child has its parent’s policy, and its own on top', async () => {
    const { kernel, hal, process, spawn } = start([{ denied: ['random_get'] }]);
    const { process: child } = spawn(program, {
      task: 'reactor',
      parent: process,
      watch: { policy: policyOf({ denied: ['sched_yield'] }), enforce: true },
    });
    const { process: plain } = spawn(program, { task: 'reactor', parent: process });
    for (const [one, yields] of [
      [child, 'PERM'],
      [plain, ''],
    ] as const) {
      const guest = new Guest(one);
      expect(await guest.call('random_get', 0, 4)).toBe('PERM');
      expect(await guest.call('sched_yield')).toBe(yields);
    }
    expect([...kernel.processes]).toHaveLength(3);
    expect(hal).toBeDefined();
  });
});

describe('numbers of its own', () => {
  test('a process and its descendants count from 1, and their embedder by pids', async () => {
    const { kernel, spawn } = simulated();
    const asking = await exporting('proc_getpid', 'proc_kill');
    spawn(asking, { task: 'reactor' });
    const { process: first } = spawn(asking, { task: 'reactor', ownPids: true });
    const { process: second } = spawn(asking, { task: 'reactor', parent: first });
    const { process: other } = spawn(asking, { task: 'reactor', ownPids: true, parent: first });
    const own = async (guest: Guest) => {
      const out = guest.room();
      expect(await guest.call('proc_getpid', out)).toBe('');
      return guest.process.memory.getU32(out);
    };
    const guests = [first, second, other].map((one) => new Guest(one));
    expect(await Promise.all(guests.map(own))).toEqual([1, 2, 1]);
    expect([first, second, other].map(({ pid }) => kernel.process(pid)?.pid)).toEqual([first.pid, second.pid, other.pid]);
    expect(new Set([first.pid, second.pid, other.pid]).size).toBe(3);
    // A number that others have is nobody here, and its own is itself.
    expect(await guests[1]!.call('proc_kill', second.pid, 0)).toBe('SRCH');
    expect(await guests[1]!.call('proc_kill', 1, 9)).toBe('SRCH');
    await expect(guests[1]!.call('proc_kill', 2, 9)).rejects.toThrow();
    expect(second.status).toMatchObject({ signal: 'SIGKILL' });
  });
});
