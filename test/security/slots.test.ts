// SECURITY 14: what one process wrote the next never reads: every byte, global and table is as the template has it, or as a new program
// begins, whatever the processes before did and however they ended; nor is anything written later that the host still had in hand.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChildProcess, Machine, type Program, type Template } from '../../src/index.ts';
import { CPUS, until, WASI, wat } from '../machine/guests.ts';

const PAGE = 65_536;
const PAGES = 6;

/** `recycled`: nothing writes to its table, so that its instances serve one process after another. */
const program = (recycled: boolean, initialise: string) => `
  ${WASI('proc_exit', 'fd_read')}
  (memory (export "memory") ${PAGES} 12)
  (table $t 3 6 funcref) (elem (i32.const 1) $one) (elem declare func $one $two)
  (type $number (func (result i32)))
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
  (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2)) (global $d (mut f64) (f64.const 3.5))
  (global $v (mut v128) (v128.const i64x2 4 5))
  (data (i32.const 1000) "segment") (data (i32.const 196600) "another")
  (func (export "_initialize") ${initialise})
  (func (export "fill") (param i32) (memory.fill (i32.const 0) (local.get 0) (i32.mul (memory.size) (i32.const ${PAGE}))))
  (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "set") (param i32)
    (global.set $i (local.get 0)) (global.set $l (i64.const -1)) (global.set $d (f64.const nan))
    (global.set $v (v128.const i64x2 -1 -1))
    ${recycled ? '' : '(table.set $t (i32.const 1) (ref.func $two)) (drop (table.grow $t (ref.func $two) (i32.const 1)))'})
  (func (export "state") (result i32 i64 f64 i64 i64 i32 i32 i32 i32)
    (global.get $i) (global.get $l) (global.get $d)
    (i64x2.extract_lane 0 (global.get $v)) (i64x2.extract_lane 1 (global.get $v))
    (table.size $t) (call_indirect $t (type $number) (i32.const 1)) (ref.is_null (table.get $t (i32.const 2))) (memory.size))
  (func (export "quit") (call $proc_exit (i32.const 0)))
  (func (export "trap") unreachable)
  (func (export "outside") (drop (i32.load (i32.const -4))))
  (func (export "overflow") (call $deep)) (func $deep (call $deep))
  (func (export "spin") (loop $on (br $on)))
  (func (export "wait") (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 300000))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start"))`;

const INITIALISED = `(global.set $i (i32.const 11)) (global.set $l (i64.const 12)) (memory.fill (i32.const 70000) (i32.const 9) (i32.const 100000))`;

type Step =
  | { readonly do: 'fill' | 'grow' | 'set'; readonly value: number }
  | { readonly do: 'poke'; readonly at: number; readonly value: number };
type End = 'quit' | 'trap' | 'outside' | 'overflow' | 'kill' | 'kill-spinning' | 'kill-waiting' | 'timeout';

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('fill' as const), value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ do: fc.constant('grow' as const), value: fc.integer({ min: 0, max: 8 }) }),
  fc.record({ do: fc.constant('set' as const), value: fc.integer({ min: 1, max: 99 }) }),
  fc.record({
    do: fc.constant('poke' as const),
    at: fc.nat(PAGES * PAGE - 1),
    value: fc.integer({ min: 1, max: 255 }),
  }),
);
const ends = fc.constantFrom<End>('quit', 'quit', 'quit', 'trap', 'outside', 'overflow', 'kill', 'kill-spinning', 'kill-waiting');
const lives = fc.array(fc.record({ steps: fc.array(steps, { maxLength: 4 }), end: ends, from: fc.nat(2) }), {
  minLength: 2,
  maxLength: 6,
});

/** The first byte that is another. */
function different(bytes: Uint8Array, image: Uint8Array): string {
  if (Buffer.compare(bytes, image) === 0) return 'nowhere';
  const at = bytes.findIndex((byte, i) => byte !== image[i]);
  return `at ${at} of ${bytes.length}: ${bytes[at]} for ${image[at]}`;
}

const call = (child: ChildProcess, name: string, ...args: number[]) => child.call(name, ...args).catch(() => undefined);

async function dirty(child: ChildProcess, all: readonly Step[]): Promise<void> {
  for (const step of all) {
    if (step.do === 'poke') await child.call('poke', step.at, step.value);
    else await child.call(step.do, step.value);
  }
}

async function finish(child: ChildProcess, end: End): Promise<void> {
  if (end === 'kill-spinning' || end === 'kill-waiting') {
    const blocked = call(child, end === 'kill-spinning' ? 'spin' : 'wait');
    child.kill('SIGKILL');
    await blocked;
  } else if (end === 'kill') child.kill('SIGKILL');
  else await call(child, end);
  await child.wait();
}

let machine: Machine;

describe.each(CPUS)('of a machine with %i threads, a process finds', (cpus) => {
  beforeEach(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterEach(() => machine[Symbol.asyncDispose]());

  const start = (source: Program | Template) =>
    machine.process(source).stdio('pipe', 'null').limits({ memory: '512k' }).reactor().spawn();

  test('its template, every byte, global and table of it, after any lives before it', { timeout: 120_000 }, async () => {
    const recycled = await machine.template(await wat(program(true, INITIALISED)));
    const renewed = await machine.template(await wat(program(false, INITIALISED)));
    const plain = await machine.compile(await wat(program(true, '')));
    expect([recycled.layout.recycle, typeof renewed.layout.recycle]).toEqual([true, 'string']);
    const fresh = new Uint8Array(PAGES * PAGE);
    fresh.set(Buffer.from('segment'), 1000);
    fresh.set(Buffer.from('another'), 196_600);
    const sources = [recycled, renewed, plain];
    const images = [recycled.sealed.memories[0]!, renewed.sealed.memories[0]!, fresh];
    expect(Buffer.compare(images[0]!, images[1]!)).toBe(0);
    expect(images[0]![70_000]).toBe(9);
    const states = [
      [11, 12n],
      [11, 12n],
      [1, 2n],
    ].map((own) => [...own, 3.5, 4n, 5n, 3, 1, 1, PAGES]);

    const check = async (child: ChildProcess, from: number) => {
      // Segments are written in its first turn.
      expect(await child.call('state')).toEqual(states[from]);
      const bytes = await child.read(0, PAGES * PAGE);
      expect(different(bytes, images[from]!)).toBe('nowhere');
      await expect(child.read(PAGES * PAGE, 1)).rejects.toThrow();
    };
    await fc.assert(
      fc.asyncProperty(lives, async (all) => {
        for (const { steps, end, from } of all) {
          const child = await start(sources[from]!);
          await check(child, from);
          await dirty(child, steps);
          await finish(child, end);
        }
        // Several at once, so that those are looked at which waited longest.
        const children = await Promise.all([0, 0, 1, 2, 2].map((from) => start(sources[from]!)));
        for (const [i, child] of children.entries()) await check(child, [0, 0, 1, 2, 2][i]!);
        for (const child of children) await finish(child, 'quit');
      }),
      { numRuns: cpus === 0 ? 150 : 40 },
    );
  });

  test('nothing that was sent to the one before, nor anything written to it late', async () => {
    const template = await machine.template(await wat(program(true, INITIALISED)));
    const image = template.sealed.memories[0]!;
    for (let round = 0; round < 6; round++) {
      const before = await start(template);
      // One that ends by itself leaves its very instance to the next.
      const quits = round % 3 === 2;
      const waiting = call(before, quits ? 'quit' : 'wait');
      if (round % 3 === 0) await until(() => before.info().state === 'blocked');
      if (quits) await before.wait();
      const { stdin } = before;
      stdin!.on('error', () => undefined);
      before.kill('SIGKILL');
      stdin!.write(Buffer.alloc(4096, 0x77));
      const late = before.write(0, Buffer.alloc(1000, 0x66)).catch(() => undefined);
      await waiting;
      const next = await start(template);
      stdin!.write(Buffer.alloc(4096, 0x55));
      await late;
      await expect(before.write(0, Buffer.alloc(10, 0x66))).rejects.toThrow();
      await expect(before.read(0, 10)).rejects.toThrow();
      expect(Buffer.compare(await next.read(0, PAGES * PAGE), image)).toBe(0);
      await finish(next, 'quit');
    }
  });

  test('nothing of an answer that the embedder gave to the one before', async () => {
    const answers: (() => void)[] = [];
    const writes: Promise<unknown>[] = [];
    const ask = machine.hostFunction('late.ask', { params: ['i32'], results: [] }, async (caller, at) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      const write = Promise.resolve()
        .then(() => caller.write(Number(at), Buffer.alloc(64, 0x44)))
        .catch(() => undefined);
      writes.push(write);
      await write;
    });
    const source = await machine.compile(
      await wat(`(import "late" "ask" (func $ask (param i32))) (memory (export "memory") 1)
        (func (export "go") (call $ask (i32.const 128)))`),
    );
    const begin = () => machine.process(source).stdio('null').capabilities([ask]).reactor().spawn();
    for (let round = 0; round < 3; round++) {
      const before = await begin();
      const asking = call(before, 'go');
      await until(() => answers.length > 0);
      before.kill('SIGKILL');
      await before.wait();
      const next = await begin();
      answers.pop()!();
      await asking;
      await until(() => writes.length > 0);
      await writes.pop();
      expect(Buffer.compare(await next.read(0, PAGE), new Uint8Array(PAGE))).toBe(0);
      next.kill('SIGKILL');
      await next.wait();
    }
  });

  test('zeros, after one that its memory limit or its time ended', async () => {
    const source = await machine.compile(
      await wat(`(memory (export "memory") 4)
      (func (export "fill") (memory.fill (i32.const 0) (i32.const 255) (i32.const ${4 * PAGE})))
      (func (export "grow") (result i32) (memory.grow (i32.const 100)))
      (func (export "spin") (loop $on (br $on)))`),
    );
    const limits = { memory: '320k', timeout: '20s', cpuTime: '1s' };
    for (let round = 0; round < 4; round++) {
      const child = await machine.process(source).stdio('null').limits(limits).reactor().spawn();
      expect(Buffer.compare(await child.read(0, 4 * PAGE), new Uint8Array(4 * PAGE))).toBe(0);
      await child.call('fill');
      expect(await child.call('grow')).toEqual([-1]);
      await call(child, 'spin');
      expect((await child.wait()).reason).toBe('cpu-limit');
    }
  });
});
