// Policies as an embedder uses them: the same where the kernel runs in place, on threads, and on a thread of the process's own.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/index.ts';
import { Machine, type Observation, type Question, SuperosError } from '../../src/index.ts';
import { layered } from '../../src/machine/policy.ts';
import { CPUS, guest, temporaryTree } from './guests.ts';

const lines = (...text: readonly string[]) => `${text.join('\n')}\n`;
const policy = (process: string) => ({ text: `process: ${process}`, file: 'p.yaml' });

describe.each([...CPUS.map((cpus) => [cpus, 'shared'] as const), [0, 'dedicated'] as const])(
  'cpus: %i, %s',
  (cpus, scheduling) => {
    const events: AuditEvent[] = [];
    let machine: Machine;
    beforeAll(async () => {
      machine = await Machine.boot({ cpus, audit: { record: (event) => events.push(event) } });
    });
    afterAll(() => machine[Symbol.asyncDispose]());

    const database = (...input: readonly string[]) =>
      machine
        .process(guest('database'))
        .scheduling(scheduling)
        .input(lines(...input));
    const text = ({ stdout }: { stdout: Buffer }) => stdout.toString();

    test('by the name of one that SuperOS brings, by path, as text, as an object', async () => {
      const read = await machine.policy('database');
      const sources = [
        'database',
        path.join(import.meta.dirname, '../../policies/database.yaml'),
        policy('{ denied_syscalls: [clock_time_get] }'),
        read,
      ];
      for (const source of sources) {
        const result = await database('now', 'set a 1').policy(source).run();
        expect(text(result)).toBe('now: EPERM\nok\n');
        expect(result.status).toMatchObject({ reason: 'exit', refused: [{ call: 'clock_time_get', count: 1 }] });
      }
    });

    test('an end by policy', async () => {
      const killing = policy('{ denied_syscalls: [{ call: clock_time_get, action: kill }] }');
      const { status, ...rest } = await database('set a 1', 'now', 'get a').policy(killing).run();
      expect(text(rest)).toBe('ok\n');
      expect(status).toMatchObject({
        reason: 'policy',
        signal: 'SIGSYS',
        code: null,
        message: 'clock_time_get is not allowed (p.yaml:1)',
      });
    });

    test('the embedder is asked, and the call waits for the answer', async () => {
      const questions: Question[] = [];
      const asking = policy('{ allowed_syscalls: ["@io", { call: clock_time_get, action: notify }] }');
      const { status, ...rest } = await database('now', 'now', 'now')
        .policy(asking, {
          notify: async (question) => {
            questions.push(question);
            await new Promise((resolve) => setImmediate(resolve));
            return questions.length !== 2;
          },
        })
        .run();
      expect(text(rest)).toBe('now: SUCCESS\nnow: EPERM\nnow: SUCCESS\n');
      expect(questions).toHaveLength(3);
      expect(questions[0]).toEqual({
        pid: expect.any(Number),
        program: 'database.wasm',
        call: 'clock_time_get',
        facts: { clock: 'monotonic' },
        rule: 'clock_time_get',
        place: expect.objectContaining({ file: 'p.yaml', line: 1 }),
        signal: expect.any(AbortSignal),
      });
      expect(status.refused).toMatchObject([{ call: 'clock_time_get', action: { do: 'notify' }, count: 1 }]);
    });

    test('a handler that throws says no', async () => {
      const result = await database('now')
        .policy(policy('{ denied_syscalls: [], allowed_syscalls: ["@io", { call: clock_time_get, action: notify }] }'), {
          notify: () => {
            throw new Error('no');
          },
        })
        .run();
      expect(text(result)).toBe('now: EPERM\n');
    });

    test('one that waits for an answer is killed', async () => {
      const asked = Promise.withResolvers<void>();
      const child = await database()
        .policy(policy('{ allowed_syscalls: [fd_write, { call: fd_read, action: notify }] }'), {
          notify: () => {
            asked.resolve();
            return new Promise(() => undefined);
          },
        })
        .spawn();
      await asked.promise;
      child.kill('SIGKILL');
      expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
    });

    test('where it is not enforced', async () => {
      const result = await database('now').policy('none', { mode: 'audit' }).run();
      expect(text(result)).toBe('now: SUCCESS\n');
      expect(result.status.refused?.map(({ call }) => call)).toEqual(['fd_read', 'clock_time_get', 'fd_write']);
    });

    test('what it did, before its end is told', async () => {
      using tree = temporaryTree({ f: 'x', l: '-> f' });
      let seen: readonly Observation[] = [];
      await database('open l', 'now')
        .capabilities(['clock', { dir: tree.path, at: '/data', rights: ['read'] }])
        .observe((observations) => {
          seen = observations;
        })
        .run();
      expect(seen).toContainEqual({
        call: 'path_open',
        facts: { kind: 'directory', access: 'read', paths: ['/data/f'] },
        count: 1,
      });
      expect(seen).toContainEqual({ call: 'clock_time_get', facts: { clock: 'monotonic' }, count: 1 });
      expect(seen.find(({ call }) => call === 'fd_read')?.count).toBe(12);
    });

    test('capabilities: what the policy lists; what is asked for beyond that is refused', async () => {
      const coarse = policy('{ capabilities: ["clock:coarse"] }');
      expect(text(await database('now').policy(coarse).run())).toBe('now: SUCCESS\n');
      expect(text(await database('now').policy(coarse).capabilities([]).run())).toBe('now: ENOTCAPABLE\n');
      await expect(database('now').policy(coarse).capabilities(['clock']).spawn()).rejects.toMatchObject({
        code: 'invalid-argument',
        message:
          'the policy does not let a process have clock; leave it out, since the policy gives clock:coarse, or add it to the capabilities at p.yaml:1',
      });
    });

    test('mistakes reject before anything is started', async () => {
      await expect(database().policy('no-such').spawn()).rejects.toMatchObject({ code: 'not-found' });
      await expect(database().policy(policy('{ allowed: [] }')).spawn()).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('p.yaml:1:12: '),
      });
      expect(machine.processes).toHaveLength(0);
    });

    test('an auditor is told of what was granted, refused, dropped and revoked', async () => {
      events.length = 0;
      const child = await database().policy('database').spawn();
      child.stdin?.end(lines('backup'));
      child.stdout?.resume();
      await child.wait();
      const own = events.filter(({ pid }) => pid === child.pid);
      expect(own.find(({ what }) => what === 'grant')).toMatchObject({
        program: 'database.wasm',
        kind: 'pipe',
        number: 0,
      });
      expect(own.find(({ what }) => what === 'refuse')).toMatchObject({
        call: 'proc_spawn',
        rule: 'execve',
        enforced: true,
      });
      expect(own.filter(({ what }) => what === 'drop').length).toBe(own.filter(({ what }) => what === 'grant').length);
    });
  },
);

test('what is no policy, or no option of one, is refused: nothing runs without the policy that was meant', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  const hello = () => machine.process(guest('hello'));
  for (const source of [undefined, null, 5, '', {}, { text: 5 }, { text: '', files: 'x' }, () => 'none'])
    expect(() => hello().policy(source as never)).toThrow(SuperosError);
  for (const options of [null, 5, { mode: 'audti' }, { mode: 'Enforce' }, { mod: 'audit' }, { notify: 5 }])
    expect(() => hello().policy('none', options as never)).toThrow(SuperosError);
  const read = await machine.policy('none');
  for (const forged of [{ layers: [] }, { ...read }, structuredClone(read)])
    await expect(
      hello()
        .policy(forged as never)
        .spawn(),
    ).rejects.toMatchObject({ code: 'invalid-argument' });
  for (const source of [5, undefined, { layers: [] }])
    await expect(machine.policy(source as never)).rejects.toBeInstanceOf(SuperosError);
  const { stdout } = await hello()
    .policy(read, { mode: undefined } as never)
    .run();
  expect(stdout.toString()).toBe('');
});

test('a relative path of one layer is beneath the directory of another from where it is now, not from where it was', async () => {
  using tree = temporaryTree({ 'a/b/': '', 'other/a/b/': '' });
  const before = process.cwd();
  try {
    process.chdir(tree.path);
    await using machine = await Machine.boot({ cpus: 0 });
    const [wide, narrow] = await Promise.all(
      [path.join(tree.path, 'a'), './a/b'].map((dir) => machine.policy(policy(`{ capabilities: ["dir:${dir}"] }`))),
    );
    const both = layered([wide!, narrow!]);
    const granted = async () => {
      const child = await machine.process(guest('hello')).policy(both).spawn();
      await child.wait();
      return child.info().capabilities;
    };
    expect(await granted()).toEqual(['dir:./a/b']);
    expect(await granted()).toEqual(['dir:./a/b']);
    process.chdir(path.join(tree.path, 'other'));
    expect(await granted()).toEqual([]);
  } finally {
    process.chdir(before);
  }
});

describe('what names a policy', () => {
  const inside = async (files: Record<string, string>, action: (machine: Machine) => Promise<void>) => {
    using tree = temporaryTree(files);
    const before = process.cwd();
    process.chdir(tree.path);
    try {
      await using machine = await Machine.boot({ cpus: 0 });
      await action(machine);
    } finally {
      process.chdir(before);
    }
  };

  test('a bare name is one that SuperOS brings, whatever lies in the working directory', () =>
    inside({ strict: 'process: {}', 'server/': '', own: 'process: {}' }, async (machine) => {
      for (const name of ['strict', 'server']) {
        const { layers } = await machine.policy(name);
        expect(layers.at(-1)).toMatchObject({ name, file: `${name}.yaml`, allowed: expect.anything() });
      }
      await expect(machine.policy('own')).rejects.toThrow(/^there is no policy own; SuperOS brings .*: \.\/own$/);
      await expect(machine.policy('strct')).rejects.toThrow(
        'there is no policy strct; did you mean strict?; a file is named by a path: ./strct',
      );
      for (const path of ['./own', './strict']) expect((await machine.policy(path)).layers[0]!.file).toBe(path);
      await expect(machine.policy('./server')).rejects.toThrow('the policy ./server cannot be read: EISDIR');
    }));

  test('what a file extends is found from where that file is', () => {
    const files = {
      'a/top.yaml': 'process: { extends: ./b/mid.yaml }',
      'a/b/mid.yaml': 'process: { extends: ../base.yaml }',
      'a/base.yaml': 'process: { allowed_syscalls: [] }',
      'base.yaml': 'process: {}',
    };
    return inside(files, async (machine) => {
      const { layers } = await machine.policy('a/top.yaml');
      expect(layers.map(({ file }) => file)).toEqual(['./a/base.yaml', './a/b/mid.yaml', 'a/top.yaml']);
      expect(layers[0]!.allowed).toEqual([]);
    });
  });

  test('a pipe is not waited for', () =>
    inside({}, async (machine) => {
      execFileSync('mkfifo', ['pipe']);
      await expect(machine.policy('./pipe')).rejects.toThrow('the policy ./pipe cannot be read: it is no file');
    }));
});

test('where the auditor fails nothing goes on', async () => {
  await using machine = await Machine.boot({
    cpus: 0,
    audit: {
      record: ({ what }) => {
        if (what === 'refuse') throw new Error('the disk is full');
      },
    },
  });
  const child = await machine.process(guest('database')).policy('database').spawn();
  child.stdin?.write(lines('now'));
  expect(await child.wait()).toMatchObject({ signal: 'SIGKILL' });
  await expect(machine.process(guest('hello')).run()).rejects.toThrow('the auditor failed: the disk is full');
});

test('what is no auditor is refused', async () => {
  for (const audit of [5, {}, null, { record: 'x' }])
    await expect(Machine.boot({ cpus: 0, audit: audit as never })).rejects.toMatchObject({ code: 'invalid-argument' });
});

test('a name server is named by its address', async () => {
  for (const dns of ['127.0.0.1', ['nonsense'], ['1.2.3.4:99999'], ['1.2.3.4:'], ['::1:x'], [5], ['[::1']])
    await expect(Machine.boot({ cpus: 0, dns: dns as never })).rejects.toMatchObject({ code: 'invalid-argument' });
  for (const one of ['127.0.0.1', '127.0.0.1:53', '::1', '[::1]', '[::1]:53'])
    await (await Machine.boot({ cpus: 0, dns: [one] }))[Symbol.asyncDispose]();
});
