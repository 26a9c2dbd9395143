// What capabilities promise of whole processes, with the kernel and its system calls: random ones, each promise checked, and
// each broken on purpose.
import fc from 'fast-check';
import { expect } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import { clockRoot } from '../../src/caps/clock.ts';
import { OpenDirectory } from '../../src/caps/directory.ts';
import { entropyRoot } from '../../src/caps/entropy.ts';
import type { CapObject } from '../../src/caps/object.ts';
import { PROCESS_RIGHT } from '../../src/caps/process.ts';
import { RIGHT } from '../../src/caps/rights.ts';
import { CapTable } from '../../src/caps/table.ts';
import { RamDisk } from '../../src/hal/ramdisk.ts';
import { Random } from '../../src/hal/sim/random.ts';
import { loadProgram } from '../../src/runtime/program.ts';
import { Iovecs } from '../../src/syscalls/iovecs.ts';
import { type CallName, OFLAG } from '../../src/syscalls/table.ts';
import { wat } from '../machine/guests.ts';
import { replace, takeRightsBack } from './mutations.ts';
import { Bench, iovec, prober } from './probe.ts';
import { promise, spawning } from './promise.ts';
import { ToyChannel, ToyFile } from './toys.ts';

const ALL = 2 ** 31 - 1;
const rights = fc.noBias(fc.nat(ALL));

interface Given {
  readonly descriptors: readonly (readonly [number, number])[];
  readonly handles: readonly (readonly [number, number])[];
}
const given: fc.Arbitrary<Given> = fc.record({
  descriptors: fc.array(fc.tuple(rights, rights), { maxLength: 6 }),
  handles: fc.array(fc.tuple(rights, rights), { maxLength: 6 }),
});

const nothing = prober();

/** Makes what a process is to be given, each an object of its own, with the list of it as `contents` has it. */
function maker() {
  let ids = 0;
  return ({ descriptors, handles }: Given) => {
    const list: unknown[] = [];
    const root = <T extends CapObject>(object: T & { id: number }, [rights, inheriting]: readonly [number, number]) => {
      list.push([object.id, rights, inheriting]);
      return new Capability<T>(object, ALL, ALL).derive(rights, inheriting);
    };
    const held = {
      descriptors: descriptors.map((one) => root(new ToyFile(ids++, 0), one)),
      handles: handles.map((one) => root<CapObject>(new ToyChannel(ids++, 0), one)),
    };
    return { list, held };
  };
}

/** What a table holds, in order. */
const contents = ({ slots, handles }: CapTable) =>
  [...slots, ...handles].map((one) => one && [(one.object as ToyFile).id, one.rights, one.inheriting]);

promise(
  '9: a child has exactly what it was given, whatever its parent has',
  300,
  fc.tuple(given, given),
  async ([first, second]) => {
    const bench = new Bench();
    const make = maker();
    const [parent, child] = [make(first), make(second)];
    const above = bench.spawn(await nothing, parent.held);
    const below = bench.spawn(await nothing, { ...child.held, parent: above });
    expect(contents(below.capabilities)).toEqual(child.list);
    expect(contents(above.capabilities)).toEqual(parent.list);
    expect([below.thread.clock, below.thread.entropy]).toEqual([undefined, undefined]);
    // 13: what each held is given back with it.
    for (const process of [below, above]) {
      process.signal('SIGKILL');
      await bench.hal.timeline.run();
      bench.kernel.reap(process);
      expect(process.getLimits().fds.used).toBe(0);
    }
    expect([...bench.kernel.processes]).toEqual([]);
  },
  {
    'a clock comes with every process': spawning((kernel, { handles }) => ({
      handles: [...handles, clockRoot(kernel.hal.clock)],
    })),
    'a child has what its parent has, too': spawning((_kernel, { descriptors, parent }) => {
      const held = parent?.capabilities.slots.filter((one) => one !== undefined) ?? [];
      return { descriptors: [...descriptors, ...held.map((one) => one.derive(one.rights, one.inheriting))] };
    }),
    'what is given is given with all rights': spawning((_kernel, { descriptors }) => {
      for (const one of descriptors) one.rights = ALL;
      return {};
    }),
  },
);

/** Nothing is bound to a process of it: what one ran in serves the next. */
const template = wat(`(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
  (func (export "quit") (call $exit (i32.const 0)))`).then((bytes) => loadProgram(bytes, undefined, { snapshot: true }));

/** What was given to each that was spawned before, so that a mutation can give it to another. */
function givenBefore(of: 'maker' | 'predecessor'): () => () => void {
  const before = new WeakMap<object, Capability<CapObject>[]>();
  return spawning((kernel, { program, handles }) => {
    const kept = before.get(kernel) ?? [];
    if (of === 'predecessor' || program.sealed === undefined) {
      before.set(
        kernel,
        handles.map((one) => one.derive(one.rights, one.inheriting)),
      );
    }
    return program.sealed === undefined
      ? {}
      : { handles: [...handles, ...kept.map((one) => one.derive(one.rights, one.inheriting))] };
  });
}

promise(
  '9: a template holds nothing: who starts from it has what it was given, of neither its maker nor who was there before',
  200,
  fc.tuple(given, fc.array(given, { minLength: 1, maxLength: 4 })),
  async ([first, lives]) => {
    const bench = new Bench();
    const make = maker();
    const program = await template;
    // Descriptors above the standard streams are to be closed before.
    const origin = bench.spawn(program, make({ ...first, descriptors: first.descriptors.slice(0, 3) }).held);
    await bench.hal.timeline.run();
    const sealed = await origin.seal();
    if (typeof sealed !== 'object') throw new Error(sealed);
    const from = { ...program, sealed };
    const end = async (process: typeof origin) => {
      await process.call({ name: 'quit', args: [] }).catch(() => undefined);
      await bench.hal.timeline.run();
      bench.kernel.reap(process);
    };
    for (const [i, life] of lives.entries()) {
      // The one that it was made from lives on beside some of them.
      if (i === 1) await end(origin);
      const { held, list } = make(life);
      const process = bench.spawn(from, held);
      expect(contents(process.capabilities)).toEqual(list);
      expect([process.thread.clock, process.thread.entropy]).toEqual([undefined, undefined]);
      await end(process);
      expect(bench.kernel.recycler.size).toBe(1);
    }
  },
  {
    'a template has what its maker was given': givenBefore('maker'),
    'a process has what the one before it was given': givenBefore('predecessor'),
    'a table that serves another process keeps what was in it': () => {
      const kept = new WeakMap<CapTable, Capability<CapObject>[]>();
      const mends = [
        replace(
          CapTable.prototype,
          'closeAll',
          (closeAll) =>
            function (this: CapTable) {
              kept.set(
                this,
                [...this.handles].map((one) => one.derive(one.rights, one.inheriting)),
              );
              closeAll.call(this);
            },
        ),
        replace(
          CapTable.prototype,
          'renew',
          (renew) =>
            function (this: CapTable, max, quota) {
              renew.call(this, max, quota);
              for (const one of kept.get(this) ?? []) this.insertHandle(one);
            },
        ),
      ];
      return () => {
        for (const mend of mends) mend();
      };
    },
  },
);

/** No descriptor. */
const NONE = 0xffff_ffff;
const opener = prober('path_open', 'fd_dup', 'fd_renumber', 'fd_fdstat_set_rights', 'fd_close');

promise(
  '1 and 2: what is opened has what the directory may hand on, at most, through whatever alias of it',
  300,
  fc.tuple(rights, rights, fc.array(fc.tuple(fc.nat(4), fc.nat(5), fc.nat(5), rights, rights), { maxLength: 12, size: 'max' })),
  async ([rights, inheriting, steps]) => {
    const bench = new Bench();
    const disk = new RamDisk({ clock: bench.hal.clock, device: 1n, bytes: 1e6, entries: 100 }).open('/');
    if (typeof disk === 'string') throw new Error(disk);
    const root = new Capability(new OpenDirectory(disk, '/'), ALL, ALL);
    const process = bench.spawn(await opener, { descriptors: [root.derive(rights, inheriting | RIGHT.pathOpen)] });
    const { slots } = process.capabilities;
    process.memory.setU8(512, '.'.charCodeAt(0));
    process.memory.setU8(513, 'f'.charCodeAt(0));
    for (const [op, fd, to, base, handed] of steps) {
      const from = slots[fd];
      const before = from && [from.rights, from.inheriting];
      const wanted = [BigInt(base), BigInt(handed)] as const;
      process.memory.setU32(64, NONE);
      if (op === 0)
        await bench.call(process, 'path_open', fd, 0, 512 + (to % 2), 1, to % 2 === 1 ? OFLAG.creat : 0, ...wanted, 0, 64);
      else if (op === 1) await bench.call(process, 'fd_dup', fd, 64);
      else if (op === 2) await bench.call(process, 'fd_renumber', fd, to);
      else if (op === 3) await bench.call(process, 'fd_fdstat_set_rights', fd, ...wanted);
      else await bench.call(process, 'path_open', fd, 0, 512, 1, 0, BigInt((before?.[1] ?? 0) & ALL), BigInt(handed), 0, 64);
      // What path_open told is what it made, where it made one.
      const made = (op === 0 || op === 4) && before !== undefined ? slots[process.memory.getU32(64)] : undefined;
      if (made !== undefined && made !== from && made.object !== from?.object) {
        expect((made.rights | made.inheriting) & ~(before![1]! | inheriting | RIGHT.pathOpen)).toBe(0);
      }
      for (const one of slots) {
        if (one === undefined) continue;
        expect(one.inheriting & ~(inheriting | RIGHT.pathOpen)).toBe(0);
        expect(one.rights & ~(rights | inheriting | RIGHT.pathOpen)).toBe(0);
      }
    }
    root.revoke();
    expect(process.capabilities.size).toBe(0);
  },
  {
    'what is opened has what was asked for': () =>
      replace(
        Capability.prototype,
        'open',
        (open) =>
          function (this: Capability, object, rights, inheriting, preopen) {
            return Object.assign(open.call(this, object, rights, inheriting, preopen), { rights, inheriting }) as never;
          },
      ),
    'a duplicate may hand on everything': () =>
      replace(
        Capability.prototype,
        'derive',
        (derive) =>
          function (this: Capability, rights, inheriting) {
            return Object.assign(derive.call(this, rights, inheriting), {
              inheriting: this.holder === undefined ? inheriting : ALL,
            });
          },
      ),
    'rights can be taken back': takeRightsBack,
  },
);

interface Power {
  readonly clock: number | undefined;
  readonly entropy: number | undefined;
  readonly directory: number;
  readonly file: number;
  readonly process: number | undefined;
  /** Which is revoked half-way. */
  readonly revoked: number;
}
const power: fc.Arbitrary<Power> = fc.record({
  clock: fc.option(rights, { nil: undefined }),
  entropy: fc.option(rights, { nil: undefined }),
  directory: rights,
  file: rights,
  process: fc.option(rights, { nil: undefined }),
  revoked: fc.nat(5),
});

const user = prober(
  'clock_time_get',
  'clock_res_get',
  'random_get',
  'sleep_ms',
  'fd_read',
  'fd_write',
  'fd_filestat_get',
  'path_open',
  'path_create_directory',
  'proc_kill',
);

promise(
  '11: a call does what the capability that it names allows, and nothing by the authority of the kernel',
  300,
  power,
  async ({ clock, entropy, directory, file, process: other, revoked }) => {
    const bench = new Bench();
    const { hal } = bench;
    const target = bench.spawn(await nothing, {});
    const disk = new RamDisk({ clock: hal.clock, device: 1n, bytes: 1e6, entries: 100 }).open('/');
    if (typeof disk === 'string') throw new Error(disk);
    const roots: Capability<CapObject>[] = [
      clockRoot(hal.clock),
      entropyRoot(hal.entropy),
      target.capability() as Capability<CapObject>,
    ];
    const [open, stream] = [
      new Capability(new OpenDirectory(disk, '/'), ALL, ALL),
      new Capability(new ToyStream(0, 0), ALL, ALL),
    ];
    const handles = [clock, entropy, other].flatMap((rights, i) => (rights === undefined ? [] : [roots[i]!.derive(rights, 0)]));
    const process = bench.spawn(await user, { descriptors: [open.derive(directory, ALL), stream.derive(file, 0)], handles });
    let round = 0;
    // The kernel can do all of it: only the capability decides.
    const check = async (dead: number) => {
      const may = (which: number, rights: number | undefined, needed: number) =>
        dead !== which && rights !== undefined && (rights & needed) === needed;
      const expected = (allowed: boolean, refusal = 'NOTCAPABLE') => (allowed ? 0 : refusal);
      const fd = (which: number, rights: number, needed: number) =>
        dead === which ? 'BADF' : expected(may(which, rights, needed));
      const call = (name: CallName, ...args: (number | bigint)[]) => bench.call(process, name, ...args);
      expect(await call('clock_time_get', 1, 0n, 64)).toBe(expected(may(0, clock, RIGHT.read)));
      expect(await call('clock_res_get', 0, 64)).toBe(expected(may(0, clock, RIGHT.read)));
      expect(await call('sleep_ms', 0)).toBe(expected(may(0, clock, RIGHT.read)));
      expect(await call('random_get', 64, 8)).toBe(expected(may(1, entropy, RIGHT.read)));
      iovec(process, 1024, 4);
      expect(await call('fd_read', 1, 0, 1, 64)).toBe(fd(4, file, RIGHT.read));
      expect(await call('fd_write', 1, 0, 1, 64)).toBe(fd(4, file, RIGHT.write));
      expect(await call('fd_filestat_get', 1, 64)).toBe(fd(4, file, RIGHT.stat));
      process.memory.setU8(512, 'a'.charCodeAt(0) + round);
      expect(await call('path_create_directory', 0, 512, 1)).toBe(fd(3, directory, RIGHT.pathCreateDirectory));
      process.memory.setU8(520, 'A'.charCodeAt(0) + round++);
      expect(await call('path_open', 0, 0, 520, 1, OFLAG.creat, 0n, 0n, 0, 64)).toBe(
        fd(3, directory, RIGHT.pathOpen | RIGHT.pathCreateFile),
      );
      expect(await call('proc_kill', target.pid, 0)).toBe(expected(may(2, other, PROCESS_RIGHT.signal), 'SRCH'));
    };
    await check(5);
    [...roots, open, stream][revoked]?.revoke();
    await check(revoked);
  },
  {
    'the clock is everybody’s': () => {
      const ours = clockRoot(new Bench().hal.clock);
      return finding((found, kind) => found ?? (kind === 'clock' ? ours : undefined));
    },
    'any capability of a kind will do, whatever its rights': () =>
      finding((found, kind, table) => found ?? [...table.handles].find(({ object }) => object.kind === kind)),
    'what is revoked is still read by who had it': () => {
      const had = new WeakMap<CapTable, Capability<CapObject>>();
      return finding((found, kind, table) => {
        if (kind !== 'clock') return found;
        if (found !== undefined) had.set(table, found);
        return had.get(table);
      });
    },
  },
);

type Found = Capability<CapObject> | undefined;

/** Another `find`, which is handed what the table found. */
function finding(change: (found: Found, kind: string, table: CapTable) => Found): () => void {
  return replace(
    CapTable.prototype as unknown as { find(this: CapTable, kind: string, predicate?: never): Found },
    'find',
    (find) =>
      function (this: CapTable, kind, predicate) {
        return change(find.call(this, kind, predicate), kind, this);
      },
  );
}

/** What is read of it is nothing, and what is written to it is gone. */
class ToyStream extends ToyFile {
  override read(): number {
    return 0;
  }
  override write(_from: Uint8Array, _at: number, length: number): number {
    return length;
  }
}

const busy = prober(
  'fd_read',
  'fd_write',
  'fd_pipe',
  'fd_dup',
  'fd_close',
  'fd_renumber',
  'random_get',
  'fd_fdstat_get',
  'sched_yield',
  'path_create_directory',
  'fd_readdir',
);

const ROUNDS = 25;
const script = fc.array(fc.noBias(fc.nat(2 ** 31 - 1)), { minLength: 6, maxLength: ROUNDS, size: 'max' });

promise(
  '12: what a process sees does not depend on another with which it shares nothing',
  100,
  fc.tuple(script, script),
  async ([mine, others]) => {
    const alone = await trace(mine, []);
    expect(await trace(mine, others)).toEqual(alone);
  },
  {
    'the list of buffers of a call that waits is not its own': () =>
      replace(
        Iovecs.prototype,
        'copy',
        () =>
          function (this: Iovecs) {
            return this;
          },
      ),
    'all draw from one source of randomness': () => {
      const shared = new Random(1);
      return replace(
        Random.prototype,
        'next',
        (next) =>
          function (this: Random) {
            return next.call(shared);
          },
      );
    },
    'descriptors are numbered in one row': () => {
      let given = 0;
      return replace(
        CapTable.prototype,
        'insert',
        (insert) =>
          function (this: CapTable, one) {
            const slot = insert.call(this, one);
            return slot === undefined || given++ % 3 > 0 ? slot : slot + 1;
          },
      );
    },
  },
);

/** What a process sees that makes the calls of one script, while another makes those of a second. */
async function trace(mine: readonly number[], others: readonly number[]): Promise<unknown[]> {
  const bench = new Bench();
  const seen: unknown[] = [];
  const actor = async (seed: number) => {
    const disk = new RamDisk({ clock: bench.hal.clock, device: BigInt(seed), bytes: 1e6, entries: 100 }).open('/');
    if (typeof disk === 'string') throw new Error(disk);
    const random = new Random(seed);
    const fill = (into: Uint8Array, at: number, length: number) => {
      for (let i = 0; i < length; i++) into[at + i] = random.next();
    };
    const process = bench.spawn(await busy, {
      descriptors: [new Capability(new OpenDirectory(disk, '/'), ALL, ALL)],
      handles: [entropyRoot({ fill })],
    });
    // A pipe of its own: descriptors 1 and 2.
    expect(await bench.call(process, 'fd_pipe', 64, 68)).toBe(0);
    return process;
  };
  const [first, second] = [await actor(1), await actor(2)];
  let [own, other] = [undefined, undefined] as (ReturnType<Bench['begin']> | undefined)[];
  const rests = (call: typeof own) => call === undefined || call.result !== undefined;
  for (let i = 0; i < ROUNDS; i++) {
    if (i < others.length && rests(other)) other = act(bench, second, others[i]!);
    await bench.hal.timeline.advance(1000);
    // It reads from an empty pipe since the round before: the test is the writer.
    if (!rests(own)) first.capabilities.slots[2]?.object.write(Uint8Array.of(i, i + 1, i + 2), 0, 3);
    else if (i < mine.length) own = act(bench, first, mine[i]!);
    await bench.hal.timeline.advance(1000);
    seen.push([
      own?.result,
      first.state,
      [...first.memory.bytes.subarray(64, 192)],
      [...first.memory.bytes.subarray(1024, 1064)],
    ]);
  }
  return seen;
}

function act(bench: Bench, process: ReturnType<Bench['spawn']>, number: number): ReturnType<Bench['begin']> {
  const fd = (number >> 4) % 6;
  const to = (number >> 8) % 6;
  const at = 1024 + ((number >> 12) % 16);
  iovec(process, at, 1 + ((number >> 16) % 8));
  process.memory.setU8(512, 97 + ((number >> 20) % 26));
  const calls: readonly (readonly [CallName, ...(number | bigint)[]])[] = [
    ['fd_read', 1, 0, 1, 64],
    ['fd_read', 1, 0, 1, 64],
    ['fd_write', 2, 0, 1, 64],
    ['fd_read', fd, 0, 1, 64],
    ['fd_pipe', 64, 68],
    ['fd_dup', fd, 64],
    ['fd_close', 3 + (fd % 3)],
    ['fd_renumber', 3 + (fd % 3), 3 + (to % 3)],
    ['random_get', 128, 16],
    ['fd_fdstat_get', fd, 64],
    ['sched_yield'],
    ['path_create_directory', 0, 512, 1],
    ['fd_readdir', 0, 1024, 40, 0n, 64],
  ];
  const [name, ...args] = calls[number % calls.length]!;
  return bench.begin(process, name, ...args);
}
