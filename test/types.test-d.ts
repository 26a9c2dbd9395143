// The types of the embedding API, as people use them.
import type { Readable, Writable } from 'node:stream';
import { expectTypeOf, test } from 'vitest';
import {
  type ChildProcess,
  checkGrant,
  covers,
  type DirectoryGrant,
  type ExitStatus,
  type FunctionGrant,
  formatGrant,
  type Grant,
  type GrantMistake,
  type HeldCapability,
  type HostCall,
  type HostFunction,
  type LimitName,
  type LimitOptions,
  Machine,
  type MachineOptions,
  type NetworkGrant,
  type ProcessBuilder,
  type ProcessInfo,
  type Program,
  type ProgramGrant,
  type ProgramSource,
  parseGrant,
  type Reason,
  type ResolveGrant,
  type RunResult,
  type Signal,
  type Spent,
  type Standing,
  type SuperosError,
  type SuperosErrorCode,
  type TemporaryGrant,
  type Usage,
} from '../src/index.ts';

test('a machine', () => {
  expectTypeOf(Machine.boot).returns.resolves.toEqualTypeOf<Machine>();
  expectTypeOf<MachineOptions>().toExtend<{ cpus?: number; spare?: number }>();
  expectTypeOf<Machine>().toExtend<AsyncDisposable>();
  expectTypeOf<Machine['process']>().parameters.toEqualTypeOf<[source: ProgramSource]>();
  expectTypeOf<Machine['process']>().returns.toEqualTypeOf<ProcessBuilder>();
  expectTypeOf<Machine['compile']>().returns.resolves.toEqualTypeOf<Program>();
  expectTypeOf<Machine['processes']>().toEqualTypeOf<readonly ChildProcess[]>();
  // A machine is booted, not constructed.
  // @ts-expect-error
  new Machine();
  // @ts-expect-error
  Machine.boot({ cpus: '2' });
});

test('a program comes as', () => {
  expectTypeOf<string>().toExtend<ProgramSource>();
  expectTypeOf<URL>().toExtend<ProgramSource>();
  expectTypeOf<Uint8Array>().toExtend<ProgramSource>();
  expectTypeOf<Buffer>().toExtend<ProgramSource>();
  expectTypeOf<ArrayBuffer>().toExtend<ProgramSource>();
  expectTypeOf<Program>().toExtend<ProgramSource>();
  expectTypeOf<number>().not.toExtend<ProgramSource>();
});

test('a description is said step by step', (_context, builder = null as unknown as ProcessBuilder) => {
  const whole = () =>
    builder
      .args(['a'])
      .argv0('name')
      .env({ A: '1' })
      .capabilities([
        'clock',
        'dir:/a:/b:ro',
        { dir: '/a' },
        { dir: '/a', at: '/b', rights: ['read'] },
        { tmp: '/tmp', size: '1m' },
      ])
      .cwd('/b')
      .limits({ memory: '64m', timeout: 500, fds: 10, processes: 1, threads: 1, pipes: '1m', written: Number.POSITIVE_INFINITY })
      .limits({ cpuTime: { soft: '1s', hard: 2000 }, output: '1m' })
      .onSoftLimit((limit) => expectTypeOf(limit).toEqualTypeOf<LimitName>())
      .nice(5)
      .stdio('pipe', 'inherit', 'null')
      .input(new Uint8Array())
      .invoke('f', ['1', 2, 3n])
      .reactor()
      .signal(AbortSignal.timeout(1));
  expectTypeOf(whole).returns.toEqualTypeOf<ProcessBuilder>();
  expectTypeOf<ProcessBuilder['spawn']>().returns.resolves.toEqualTypeOf<ChildProcess>();
  expectTypeOf<ProcessBuilder['run']>().returns.resolves.toEqualTypeOf<RunResult>();
  const wrong = () => [
    // @ts-expect-error
    builder.args('a'),
    // @ts-expect-error
    builder.env({ A: 1 }),
    // @ts-expect-error
    builder.capabilities([{ dir: '/a', rights: ['execute'] }]),
    // @ts-expect-error
    builder.limits({ cpu: 1 }),
    // @ts-expect-error
    builder.limits({ fds: { soft: 1 } }),
    // @ts-expect-error
    builder.limits({ fds: '10' }),
    // @ts-expect-error
    builder.stdio('ignore'),
    // @ts-expect-error
    builder.invoke('f', [{}]),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test('grants', () => {
  expectTypeOf<'clock' | 'random' | 'dev'>().toExtend<Grant>();
  expectTypeOf<DirectoryGrant | TemporaryGrant>().toExtend<Grant>();
  expectTypeOf<{ dir: string; at: string }>().toExtend<DirectoryGrant>();
  expectTypeOf<'network' | 'filesystem' | 'console' | 'threads' | 'clock:coarse'>().toExtend<Grant>();
  expectTypeOf<NetworkGrant | ResolveGrant | ProgramGrant | FunctionGrant>().toExtend<Grant>();
  expectTypeOf<'internet'>().not.toExtend<Grant>();
  expectTypeOf(parseGrant).toEqualTypeOf<(text: string) => Grant>();
  expectTypeOf(formatGrant).toEqualTypeOf<(grant: Grant) => string>();
  expectTypeOf(covers).toEqualTypeOf<(wide: Grant, narrow: Grant) => boolean>();
  expectTypeOf(checkGrant).returns.toEqualTypeOf<GrantMistake | undefined>();
});

test('functions of the embedder', (_context, machine = null as unknown as Machine) => {
  const use = () => {
    const made = machine.hostFunction('host.f', { params: ['i32', 'i64', 'f64'], results: ['i64'] }, (call, a, b, c) => {
      expectTypeOf(call).toEqualTypeOf<HostCall>();
      expectTypeOf([a, b, c] as const).toEqualTypeOf<readonly [number, bigint, number]>();
      return b;
    });
    expectTypeOf(made).toEqualTypeOf<HostFunction>();
    machine.hostFunction('host.f', { params: [], results: ['f32'] }, async () => 0.5);
    machine.hostFunction('host.f', { params: [], results: [] }, () => {});
    machine.hostFunction('host.f', { params: [], results: [] }, async () => {});
    // @ts-expect-error
    machine.hostFunction('host.f', { params: [], results: ['i64'] }, () => 1);
    // @ts-expect-error
    machine.hostFunction('host.f', { params: ['i31'], results: [] }, () => {});
    // @ts-expect-error
    machine.hostFunction('host.f', { params: [], results: ['i32', 'i32'] }, () => 1);
    // @ts-expect-error
    machine.hostFunction('host.f', { params: ['i32'], results: [] }, (_call, text: string) => text);
  };
  expectTypeOf(use).toBeFunction();
  expectTypeOf<HostFunction>().toExtend<Grant>();
  expectTypeOf<HostCall['read']>().toEqualTypeOf<(address: number, length: number) => Promise<Uint8Array>>();
});

test('a process', () => {
  expectTypeOf<ChildProcess['capabilities']>().returns.resolves.toEqualTypeOf<readonly HeldCapability[]>();
  expectTypeOf<ChildProcess['revoke']>().toEqualTypeOf<(what: string | number) => Promise<void>>();
  expectTypeOf<ProcessInfo['capabilities']>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<ChildProcess>().toExtend<AsyncDisposable>();
  expectTypeOf<ChildProcess['pid']>().toBeNumber();
  expectTypeOf<ChildProcess['stdin']>().toEqualTypeOf<Writable | null>();
  expectTypeOf<ChildProcess['stdout']>().toEqualTypeOf<Readable | null>();
  expectTypeOf<ChildProcess['stderr']>().toEqualTypeOf<Readable | null>();
  expectTypeOf<ChildProcess['wait']>().returns.resolves.toEqualTypeOf<ExitStatus>();
  expectTypeOf<ChildProcess['kill']>().parameters.toEqualTypeOf<[signal?: Signal | undefined]>();
  expectTypeOf<ChildProcess['kill']>().returns.toBeBoolean();
  expectTypeOf<ChildProcess['call']>().returns.resolves.toEqualTypeOf<readonly (number | bigint)[]>();
  expectTypeOf<ChildProcess['read']>().returns.resolves.toEqualTypeOf<Uint8Array>();
  expectTypeOf<ChildProcess['info']>().returns.toEqualTypeOf<ProcessInfo>();
  expectTypeOf<ProcessInfo['limits']['cpuTime']>().toEqualTypeOf<Standing>();
  expectTypeOf<ProcessInfo['limits']['timeout']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<keyof ProcessInfo['limits']>().toEqualTypeOf<keyof LimitOptions>();
  expectTypeOf<ProcessInfo['state']>().toEqualTypeOf<'created' | 'ready' | 'running' | 'blocked' | 'terminated'>();
});

test('how it ended', () => {
  expectTypeOf<RunResult['stdout']>().toEqualTypeOf<Buffer>();
  expectTypeOf<RunResult['status']>().toEqualTypeOf<ExitStatus>();
  expectTypeOf<ExitStatus['code']>().toEqualTypeOf<number | null>();
  expectTypeOf<ExitStatus['signal']>().toEqualTypeOf<Signal | null>();
  expectTypeOf<ExitStatus['reason']>().toEqualTypeOf<Reason>();
  expectTypeOf<ExitStatus['usage']>().toEqualTypeOf<Usage>();
  expectTypeOf<Usage['memoryPeak']>().toBeNumber();
  expectTypeOf<Usage['calls']>().toEqualTypeOf<Readonly<Record<string, number>>>();
  expectTypeOf<Usage>().toExtend<Spent>();
  expectTypeOf<Usage['children']>().toEqualTypeOf<Spent>();
  expectTypeOf<'SIGKILL'>().toExtend<Signal>();
  expectTypeOf<'SIGNONE'>().not.toExtend<Signal>();
});

test('an error has a code to branch on', () => {
  expectTypeOf<SuperosError>().toExtend<Error>();
  expectTypeOf<SuperosError['code']>().toEqualTypeOf<SuperosErrorCode>();
  expectTypeOf<'again'>().toExtend<SuperosErrorCode>();
  expectTypeOf<'EAGAIN'>().not.toExtend<SuperosErrorCode>();
});
