// Policies as capabilities: a guest puts the children that it starts under one, and nothing takes them out of it.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, type Grant, Machine } from '../../src/index.ts';
import { CPUS, guest, temporaryTree, wat } from './guests.ts';

const [BADF, NOTSUP, PERM, NOTCAPABLE] = [8, 58, 63, 76];

/** `find` by a name at 0, `apply`, `drop`; `start` with a command line and variables at 1024 and 2048, `wait` for its exit code. */
const STARTER = await wat(`
  (import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
  (import "superos" "cap_drop" (func $drop (param i32) (result i32)))
  (import "superos" "policy_apply" (func $apply (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "find") (param $length i32) (result i32)
    (if (result i32) (call $find (i32.const 0) (local.get $length) (i32.const 512)) (then (i32.const -1)) (else (i32.load (i32.const 512)))))
  (func (export "drop") (param i32) (result i32) (call $drop (local.get 0)))
  (func (export "apply") (param i32) (result i32) (call $apply (local.get 0)))
  (func (export "clock") (result i32) (call $clock (i32.const 1) (i64.const 0) (i32.const 512)))
  (func (export "start") (param $args i32) (param $variables i32) (param $cwd i32) (param $stdin i32) (result i32)
    (call $spawn (i32.const 1024) (local.get $args) (i32.const 2048) (local.get $variables)
      (local.get $stdin) (i32.const 1) (i32.const 2) (i32.const 3072) (local.get $cwd) (i32.const 512)))
  (func (export "wait") (result i32)
    (drop (call $wait (i32.const -1) (i32.const 0) (i32.const 516))) (i32.load (i32.const 516)))`);

const zeros = (list: readonly string[]) => list.map((text) => `${text}\0`).join('');

interface How {
  readonly variables?: readonly string[];
  readonly cwd?: string;
  readonly stdin?: number;
}

class Starter {
  readonly child: ChildProcess;
  constructor(child: ChildProcess) {
    this.child = child;
  }
  async find(name: string): Promise<number> {
    await this.child.write(0, Buffer.from(name));
    return (await this.#call('find', name.length))!;
  }
  async apply(name: string): Promise<number> {
    return (await this.#call('apply', await this.find(name)))!;
  }
  drop = async (name: string) => this.#call('drop', await this.find(name));
  clock = () => this.#call('clock');
  /** The errno of what starts it. */
  async start(line: readonly string[], { variables = [], cwd = '/', stdin = 0 }: How = {}): Promise<number> {
    const texts = [zeros(line), zeros(variables), cwd];
    for (const [i, text] of texts.entries()) await this.child.write(1024 + 1024 * i, Buffer.from(text));
    return (await this.#call('start', ...texts.map((text) => text.length), stdin))!;
  }
  /** What a child writes, in so many lines: `paths` one for each of its calls. */
  async run(
    line: readonly string[],
    { lines = line[0] === 'paths' ? line.filter((word) => word === '--').length + 1 : 1, ...how }: How & { lines?: number } = {},
  ): Promise<string> {
    const began = await this.start(line, how);
    if (began !== 0) return `errno ${began}`;
    const code = await this.#call('wait');
    if (code !== 0) return `ended with ${code}`;
    let text = '';
    await expect
      .poll(() => {
        text += (this.child.stdout!.read() as Buffer | null)?.toString() ?? '';
        return text.split('\n').length - 1;
      })
      .toBe(lines);
    return text;
  }
  async #call(name: string, ...args: number[]): Promise<number | undefined> {
    return (await this.child.call(name, ...args))[0] as number | undefined;
  }
}

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const starter = async (grants: readonly (Grant | string)[]): Promise<Starter> =>
    new Starter(await machine.process(STARTER).capabilities(grants).limits({ memory: '64m' }).reactor().spawn());
  const program = (name: string) => `program:${guest(name)}`;
  /** A tree with policies, by name, and some files. */
  const tree = (policies: Record<string, string>) => {
    const made = temporaryTree({ 'data/a': 'A', 'data/secret/b': 'B', 'data/way': '-> secret', 'other/c': 'C' });
    for (const [name, text] of Object.entries(policies)) writeFileSync(`${made.path}/${name}.yaml`, `process:\n${text}\n`);
    return made;
  };

  test('a policy denies to children what it denies, to grandchildren too; to who applied it nothing', async () => {
    using files = tree({ p: '  denied_syscalls: [clock_time_get]' });
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter(['clock', program('clock'), program('args-env'), policy]);
    expect(await one.run(['clock'], { lines: 0 })).toBe('');
    expect(await one.apply(policy)).toBe(0);
    expect(await one.run(['clock'])).toMatch(/^ended|errno/);
    expect(await one.clock()).toBe(0);
    await one.child[Symbol.asyncDispose]();
    const { refused } = await one.child.wait();
    expect(refused).toMatchObject([{ call: 'clock_time_get', program: 'clock.wasm', place: { line: 2 } }]);
  });

  test('nothing undoes it: neither dropping nor revoking the policy', async () => {
    using files = tree({ p: '  denied_syscalls: [clock_time_get]' });
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter(['clock', program('clock'), policy]);
    expect(await one.apply(policy)).toBe(0);
    expect(await one.drop(policy)).toBe(0);
    await one.child.revoke(policy).catch(() => undefined);
    expect([await one.find(policy), await one.find('policy')]).toEqual([-1, -1]);
    expect(await one.run(['clock'])).toMatch(/^ended|errno/);
    await one.child[Symbol.asyncDispose]();
  });

  test('of several each holds', async () => {
    using files = tree({ p: '  denied_syscalls: [path_create_directory]', q: '  denied_syscalls: [path_unlink_file]' });
    const [p, q] = ['p', 'q'].map((name) => `policy:${files.path}/${name}.yaml`);
    const one = await starter([`dir:${files.path}/data:/data`, program('paths'), p!, q!]);
    const line = ['paths', 'mkdir', 'x', '--', 'unlink', 'a', '--', 'read', 'a'];
    expect(await one.apply(p!)).toBe(0);
    expect(await one.apply(q!)).toBe(0);
    expect(await one.run(line)).toBe('errno EPERM\nerrno EPERM\ndata A\n');
    await one.child[Symbol.asyncDispose]();
  });

  test('a child has the capabilities that a policy lists, and no directory that it does not show', async () => {
    using files = tree({});
    writeFileSync(
      `${files.path}/p.yaml`,
      `process:\n  capabilities: [clock, "dir:${files.path}/data:/data:ro", "dir:${files.path}/other:/other"]\n  namespaces: { mounts: [/data] }\n`,
    );
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter([
      'random',
      `dir:${files.path}/data:/data:ro`,
      `dir:${files.path}/other:/other`,
      program('paths'),
      program('random'),
      policy,
    ]);
    const line = ['paths', 'read', 'a', '--', 'read', '@4:c'];
    expect(await one.run(line)).toBe('data A\ndata C\n');
    expect(await one.run(['random'], { lines: 0 })).toBe('');
    expect(await one.apply(policy)).toBe(0);
    expect(await one.run(line)).toBe('data A\nerrno EBADF\n');
    expect(await one.run(['random'])).toMatch(/^ended|errno/);
    await one.child[Symbol.asyncDispose]();
  });

  test('rules about paths hold wherever links lead, from a working directory too', async () => {
    using files = tree({ p: '  denied_syscalls: [{ call: path_open, when: { path: /data/secret/** } }]' });
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter([`dir:${files.path}/data:/data`, program('paths'), policy]);
    const line = ['paths', 'read', 'secret/b', '--', 'read', 'way/b', '--', 'read', 'a'];
    expect(await one.run(line)).toBe('data B\ndata B\ndata A\n');
    expect(await one.apply(policy)).toBe(0);
    expect(await one.run(line)).toBe('errno EPERM\nerrno EPERM\ndata A\n');
    // Where a child starts is judged as well, and is opened as it was judged.
    expect(await one.start(line, { cwd: '/data/way' })).toBe(PERM);
    expect(await one.run(['paths', 'read', '@4:secret/b', '--', 'read', '@4:way/b'], { cwd: '/data' })).toBe(
      'errno EPERM\nerrno EPERM\n',
    );
    await one.child[Symbol.asyncDispose]();
  });

  test('a directory in place of a stream is under it too, and where it does not show it is not given', async () => {
    using files = tree({
      p: '  denied_syscalls: [{ call: path_open, when: { path: /data/secret/** } }]',
      q: '  capabilities: []',
    });
    const [p, q] = ['p', 'q'].map((name) => `policy:${files.path}/${name}.yaml`);
    const one = await starter([`dir:${files.path}/data:/data`, program('paths'), p!, q!]);
    const line = ['paths', 'read', '@0:secret/b', '--', 'read', '@0:way/b', '--', 'read', '@0:a'];
    expect(await one.run(line, { stdin: 3 })).toBe('data B\ndata B\ndata A\n');
    expect(await one.apply(p!)).toBe(0);
    expect(await one.run(line, { stdin: 3 })).toBe('errno EPERM\nerrno EPERM\ndata A\n');
    expect(await one.apply(q!)).toBe(0);
    expect(await one.start(line, { stdin: 3 })).toBe(NOTCAPABLE);
    await one.child[Symbol.asyncDispose]();
  });

  test('what it logs of a child is told of by who applied it; a policy that is only told of stays so', async () => {
    using files = tree({
      p: '  allowed_syscalls: ["@args", "@fd", "@fs-read", fd_read, { call: fd_write, action: log }]\n  default: log',
    });
    const policy = `policy:${files.path}/p.yaml`;
    const builder = machine
      .process(STARTER)
      .capabilities([`dir:${files.path}/data:/data`, program('paths'), policy])
      .policy({ text: 'process: { denied_syscalls: [path_filestat_get] }' }, { mode: 'audit' })
      .reactor();
    const one = new Starter(await builder.spawn());
    const line = ['paths', 'stat', 'a'];
    expect(await one.run(line)).toMatch(/^stat /);
    expect(await one.apply(policy)).toBe(0);
    expect(await one.run(line)).toMatch(/^stat /);
    await one.child[Symbol.asyncDispose]();
    const { logged } = await one.child.wait();
    expect(logged).toContainEqual(expect.objectContaining({ call: 'fd_write', program: 'paths.wasm' }));
  });

  test('a template is not made of a process that applied one', async () => {
    using files = tree({ p: '  denied_syscalls: [path_open]' });
    const policy = `policy:${files.path}/p.yaml`;
    await expect(
      machine.template(
        await wat(`(import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
          (import "superos" "policy_apply" (func $apply (param i32) (result i32)))
          (memory (export "memory") 1) (data (i32.const 0) "policy")
          (func (export "_initialize")
            (if (call $find (i32.const 0) (i32.const 6) (i32.const 8)) (then unreachable))
            (if (call $apply (i32.load (i32.const 8))) (then unreachable)))`),
        { capabilities: [policy] },
      ),
    ).rejects.toThrow('it has put its children under a policy');
  });

  test('its limits and variables are the child’s', async () => {
    using files = tree({
      p: '  limits: { memory: 64k }\n  namespaces: { hostname: box, environment: { set: { A: policy } } }',
      q: '  namespaces: { hostname: box, environment: { set: { A: policy } } }',
    });
    const [p, q] = ['p', 'q'].map((name) => `policy:${files.path}/${name}.yaml`);
    const one = await starter([program('args-env'), p!, q!]);
    expect(await one.apply(q!)).toBe(0);
    expect(await one.run(['args-env'], { variables: ['A=own', 'B=own'], lines: 4 })).toBe(
      'args-env\nA=policy\nB=own\nHOSTNAME=box\n',
    );
    expect(await one.apply(p!)).toBe(0);
    expect(await one.run(['args-env'])).toMatch(/^ended|errno/);
    await one.child[Symbol.asyncDispose]();
  });

  test('what it is not for is not started under it', async () => {
    using files = tree({ p: '  for: { program: hello* }' });
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter([program('hello'), program('exit'), policy]);
    expect(await one.apply(policy)).toBe(0);
    expect([await one.run(['hello']), await one.start(['exit', '0'])]).toEqual(['Hello from C\n', PERM]);
    await one.child[Symbol.asyncDispose]();
  });

  test('what is no policy is not applied, nor one with pids of its own', async () => {
    using files = tree({ p: '  namespaces: { pid: true }' });
    const policy = `policy:${files.path}/p.yaml`;
    const one = await starter(['clock', 'policy:strict', policy]);
    expect([await one.apply('clock'), await one.apply(policy), await one.apply('policy:strict')]).toEqual([
      NOTCAPABLE,
      NOTSUP,
      0,
    ]);
    expect((await one.child.call('apply', 12_345))[0]).toBe(BADF);
    expect(await one.child.capabilities()).toContainEqual(
      expect.objectContaining({ kind: 'policy', grant: 'policy:strict', rights: ['apply', 'transfer'] }),
    );
    await one.child[Symbol.asyncDispose]();
  });

  test('one that cannot be read, or is none, is not given', async () => {
    using files = tree({ p: '  name: []' });
    await expect(starter(['policy:./no-such.yaml'])).rejects.toThrow('there is no policy ./no-such.yaml');
    await expect(starter([`policy:${files.path}/p.yaml`])).rejects.toThrow(/p\.yaml:2:9: a name is expected/);
  });
});
