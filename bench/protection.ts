// What protection costs, each against the same program without it: checks of the stack pointer in a function that does little beside
// having a frame, the look at the canary before a write, and an inaccessible first page in the life of a process.
import { Machine, type Protect } from '../src/index.ts';
import { assemble } from '../src/machine/source.ts';
import { nanoseconds, type Subject } from './subject.ts';

const FRAMES = 300_000;
const WRITES = 100_000;
const LIVES = 100;
const US = 1000;
const STACK = '(global $sp (export "__stack_pointer") (mut i32) (i32.const 131072))';
const WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))';
/** Calls `body` as often as is asked. */
const repeated = (body: string) => `(func (export "go") (param i32) (loop $l ${body}
  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`;
const FRAME = `(func $frame (param i32) (result i32) (local i32)
  (global.set $sp (local.tee 1 (i32.sub (global.get $sp) (i32.const 16)))) (i32.store (local.get 1) (local.get 0))
  (global.set $sp (i32.add (local.get 1) (i32.const 16))) (i32.load (local.get 1)))`;

const module = (fields: string) => assemble(new TextEncoder().encode(`(module ${fields})`), 'bench');

async function called(machine: Machine, fields: string, protect: Protect, times: number) {
  const child = await machine
    .process(await module(`${fields.includes('$write') ? WRITE : ''} (memory (export "memory") 4) ${STACK} ${fields}`))
    .protect(protect)
    .stdio('null')
    .reactor()
    .spawn();
  return { child, round: () => nanoseconds(times, () => child.call('go', times)) };
}

export async function subjects(): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0 });
  const stack = (on: boolean) =>
    called(machine, `${FRAME} ${repeated('(drop (call $frame (local.get 0)))')}`, { stack: on }, FRAMES);
  const write = repeated('(drop (call $write (i32.const 1) (i32.const 8) (i32.const 0) (i32.const 16)))');
  const canary = (on: boolean) => called(machine, `(data (i32.const 131072) "x") ${write}`, { canary: on }, WRITES);
  const [checked, bare, watched, unwatched] = [await stack(true), await stack(false), await canary(true), await canary(false)];
  const program = await machine.compile(
    await module(`(memory (export "memory") 4) ${STACK} (data (i32.const 4096) "x")
    (func (export "_start"))`),
  );
  const life = (protect: Protect) => async () =>
    (await nanoseconds(LIVES, async () => {
      for (let i = 0; i < LIVES; i++) await machine.process(program).protect(protect).stdio('null').run();
    })) / US;
  const close =
    (...open: readonly { readonly child: AsyncDisposable }[]) =>
    async () => {
      for (const { child } of open) await child[Symbol.asyncDispose]();
    };
  return [
    {
      name: 'protection: a call with a frame, its stack checked',
      unit: 'ns',
      rounds: 21,
      contenders: [
        { name: 'superos', round: checked.round },
        { name: 'unchecked', round: bare.round },
      ],
      close: close(checked, bare),
    },
    {
      name: 'protection: fd_write of nothing, with a canary',
      unit: 'ns',
      rounds: 21,
      contenders: [
        { name: 'superos', round: watched.round },
        { name: 'without', round: unwatched.round },
      ],
      close: close(watched, unwatched),
    },
    {
      name: 'protection: the life of a process, its first page inaccessible',
      unit: 'us',
      rounds: 15,
      contenders: [
        { name: 'superos', round: life({}) },
        { name: 'without', round: life({ 'null-page': false }) },
      ],
      close: () => machine[Symbol.asyncDispose](),
    },
  ];
}
