// The kernel on simulated hardware that fails at random: hundreds of guests are started, fed, read, and killed, in an order that a seed
// decides. After each step everything that can be counted is right; at the end nothing is left. A failing seed is the test's name.
import { describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import { OpenDirectory } from '../../src/caps/directory.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS } from '../../src/caps/rights.ts';
import type { Directory, File } from '../../src/hal/disk.ts';
import { Random } from '../../src/hal/sim/random.ts';
import { SpawnError } from '../../src/kernel/error.ts';
import type { Process } from '../../src/kernel/process.ts';
import type { ExitStatus } from '../../src/kernel/status.ts';
import type { Program } from '../../src/runtime/program.ts';
import { WASI } from '../machine/guests.ts';
import { program, runUntil, type Spawned, simulated } from './machine.ts';

const PAGES = 120;
const PROCESSES_MAX = 24;
const STEPS = 300;
const SEEDS = Array.from({ length: 8 }, (_, i) => i + 1);

const IOVEC = '(data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00") (data (i32.const 64) "simulate")';
const READ = '(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))';
const WRITE = '(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))';

/** What each kind of guest does with its life, and how that may end when nobody kills it. */
const GUESTS: readonly { fields: string; ends: readonly ExitStatus['reason'][] }[] = [
  {
    fields: `${WASI('proc_exit')} (memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const 7)))`,
    ends: ['exit'],
  },
  { fields: '(memory (export "memory") 2) (func (export "_start") unreachable)', ends: ['trap'] },
  // Copies its input to its output until the end.
  {
    fields: `${WASI('fd_read', 'fd_write')} (memory (export "memory") 1) ${IOVEC}
      (func (export "_start") (loop $again ${READ} (if (i32.load (i32.const 16)) (then ${WRITE} (br $again)))))`,
    ends: ['exit'],
  },
  // Writes for ever.
  {
    fields: `${WASI('fd_write')} (memory (export "memory") 1) ${IOVEC} (func (export "_start") (loop $again (br_if $again (i32.eqz (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))))`,
    ends: ['exit'],
  },
  // Grows until that fails, then waits.
  {
    fields: `${WASI('fd_read')} (memory (export "memory") 1) ${IOVEC} (func (export "_start") (loop $again (br_if $again (i32.ne (memory.grow (i32.const 3)) (i32.const -1)))) ${READ})`,
    ends: ['exit'],
  },
  // Polls for input and a clock of 3 ms.
  {
    fields: `${WASI('poll_oneoff')} (memory (export "memory") 1) (data (i32.const 72) "\\01") (data (i32.const 128) "\\01\\00\\00\\00\\00\\00\\00\\00\\c0\\c6\\2d\\00")
      (func (export "_start") (local $i i32) (loop $again (drop (call $poll_oneoff (i32.const 64) (i32.const 256) (i32.const 2) (i32.const 512)))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 20)))))`,
    ends: ['exit'],
  },
  // Opens, lists, makes pipes and duplicates, until it has no room, and ends with all of it open.
  {
    fields: `${WASI('path_open', 'fd_readdir')} (import "host_process" "fd_pipe" (func $pipe (param i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "f")
      (func (export "_start") (local $i i32)
        (loop $again
          (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 64)))
          (drop (call $fd_readdir (i32.const 3) (i32.const 1024) (i32.const 512) (i64.const 0) (i32.const 16)))
          (drop (call $pipe (i32.const 64) (i32.const 68)))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 12)))))`,
    ends: ['exit'],
  },
  {
    fields: `${WASI('sched_yield')} (memory (export "memory") 1) (func (export "_start") (loop $again (drop (call $sched_yield)) (br $again)))`,
    ends: [],
  },
  {
    fields: `(memory (export "memory") 1) (func $deep (call $deep) (i32.store (i32.const 0) (i32.const 1))) (func (export "_start") (call $deep))`,
    ends: ['trap'],
  },
];

/** A directory that counts what of it is open. */
function counted(inner: Directory, open: { count: number }): Directory {
  open.count++;
  const watch = <T extends File | Directory>(opened: T): T => {
    let closed = false;
    return new Proxy(opened, {
      get(target, key) {
        if (key === 'close') {
          return () => {
            expect(closed).toBe(false);
            closed = true;
            open.count--;
            target.close();
          };
        }
        const value = Reflect.get(target, key, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  return new Proxy(watch(inner), {
    get(target, key) {
      if (key === 'open') {
        return (...args: Parameters<Directory['open']>) => {
          const opened = inner.open(...args);
          if (typeof opened === 'string') return opened;
          open.count++;
          return watch(opened);
        };
      }
      return Reflect.get(target, key, target) as unknown;
    },
  });
}

function ensure(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

interface Life extends Spawned {
  readonly kind: number;
  readonly ends: ExitStatus[];
  killed: boolean;
  timed: boolean;
}

const LEGAL: Record<string, readonly string[]> = {
  ready: ['ready', 'running', 'blocked', 'terminated'],
  running: ['ready', 'running', 'blocked', 'terminated'],
  blocked: ['ready', 'running', 'blocked', 'terminated'],
  terminated: ['terminated'],
};

async function simulate(seed: number, programs: readonly Program[]): Promise<string[]> {
  const random = new Random(seed);
  const machine = simulated({
    seed,
    shuffle: true,
    pages: PAGES,
    processesMax: PROCESSES_MAX,
    faults: { io: 0.1, noSpace: 0.1, short: 0.2, again: 0.2, noMemory: 0.05 },
  });
  const { hal, kernel } = machine;
  const open = { count: 0 };
  const lives: Life[] = [];
  const states = new Map<Process, string>();
  const log: string[] = [];

  const spawn = async (): Promise<void> => {
    const kind = random.below(programs.length);
    const opened = hal.disk.open('/');
    const descriptors =
      typeof opened === 'string'
        ? []
        : [new Capability(new OpenDirectory(counted(opened, open), '/'), DIRECTORY_RIGHTS, FILE_RIGHTS)];
    const timed = random.chance(0.2);
    const limits = {
      fds: 3 + random.below(20),
      memory: (1 + random.below(40)) * 65_536,
      timeoutNs: timed ? 1e6 + random.below(50e6) : undefined,
    };
    try {
      const spawned = machine.spawn(programs[kind]!, { descriptors, limits });
      const life: Life = { ...spawned, kind, ends: [], killed: false, timed };
      lives.push(life);
      spawned.process.done.then((status) => {
        life.ends.push(status);
        log.push(`${spawned.process.pid} ${status.reason} ${status.code} ${status.usage.systemCalls}`);
        kernel.reap(spawned.process);
      });
      log.push(`${spawned.process.pid} starts`);
    } catch (error) {
      expect(error).toBeInstanceOf(SpawnError);
      log.push((error as SpawnError).errno);
    }
  };

  const step = async (): Promise<void> => {
    const alive = lives.filter(({ process }) => process.status === undefined);
    const one = alive[random.below(Math.max(1, alive.length))];
    const choice = random.below(10);
    if (choice < 4 || one === undefined) await spawn();
    else if (choice === 4) {
      one.killed = true;
      one.process.signal(random.chance(0.5) ? 'SIGKILL' : 'SIGTERM');
    } else if (choice === 5) one.stdin.object.write(new Uint8Array(random.below(200)), 0, random.below(100));
    else if (choice === 6) one.stdout.object.read(new Uint8Array(65_536), 0, 65_536);
    else await hal.timeline.advance(random.below(4) * 1e6 + random.below(1000));
  };

  // Plain comparisons: there are millions of them.
  const check = (): void => {
    const alive = lives.filter(({ process }) => process.status === undefined);
    ensure(alive.length <= PROCESSES_MAX, 'more processes than the host holds');
    // One that would start beyond its limit has no memory, and ends at its first turn.
    const holding = alive.filter(({ process }) => process.usage().memoryPeak > 0);
    ensure(hal.mmu.live === holding.length, 'memories are lost');
    const pages = holding.reduce((sum, { process }) => sum + process.usage().memoryPeak / 65_536, 0);
    ensure(hal.mmu.pagesFree === PAGES - pages, 'pages are lost');
    ensure(new Set(alive.map(({ process }) => process.pid)).size === alive.length, 'two processes have one number');
    for (const { process, ends } of lives) {
      const { state } = process;
      ensure(state !== 'running' || kernel.scheduler.current === process.thread, 'a process runs out of turn');
      ensure(LEGAL[states.get(process) ?? 'ready']!.includes(state), `${states.get(process)} became ${state}`);
      states.set(process, state);
      ensure(ends.length <= 1, 'a status was delivered twice');
      ensure(process.capabilities.size <= process.limits.fds, 'too many descriptors');
      const { cpuMs, wallMs } = process.status?.usage ?? process.usage();
      ensure(cpuMs >= 0 && cpuMs <= wallMs, 'more time used than has passed');
    }
  };

  try {
    for (let i = 0; i < STEPS; i++) {
      await step();
      check();
    }
  } finally {
    // Also where a check failed: one that only yields would keep the test's own thread for ever.
    for (const life of lives) {
      if (life.process.status !== undefined) continue;
      life.killed = true;
      life.process.signal('SIGKILL');
    }
    await hal.timeline.run();
  }
  await runUntil(hal, () => lives.every(({ ends }) => ends.length > 0));
  await hal.timeline.run();
  for (const { process, kind, ends, killed, timed, stdin, stdout } of lives) {
    const reasons: ExitStatus['reason'][] = [
      ...GUESTS[kind]!.ends,
      ...(killed ? (['signal'] as const) : []),
      ...(timed ? (['timeout'] as const) : []),
      'memory-limit',
    ];
    expect(reasons).toContain(ends[0]!.reason);
    expect(process.capabilities.size).toBe(0);
    // The other ends of its pipes see that it is gone.
    expect(stdin.object.write(Uint8Array.of(0), 0, 1)).toBe('PIPE');
    stdout.object.read(new Uint8Array(65_536), 0, 65_536);
    expect(stdout.object.read(new Uint8Array(1), 0, 1)).toBe(0);
  }
  expect([[...kernel.processes], hal.mmu.live, hal.mmu.pagesFree, open.count]).toEqual([[], 0, PAGES, 0]);
  return log;
}

describe('hundreds of processes on failing hardware', () => {
  const programs = Promise.all(GUESTS.map(({ fields }) => program(fields)));

  test.each(SEEDS)('seed %d', async (seed) => {
    const log = await simulate(seed, await programs);
    // The run was worth it: most starts succeeded, some were refused.
    expect(log.filter((line) => line.endsWith('starts')).length).toBeGreaterThan(50);
  });

  test('the same seed gives the same run', async () => {
    expect(await simulate(99, await programs)).toEqual(await simulate(99, await programs));
  });
});
