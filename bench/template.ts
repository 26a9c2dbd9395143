// The whole life of a process that starts from a template, kernel bookkeeping and a policy included: spawned, run, gone and reaped. Beside it what
// one would start instead: a native program, a worker thread, an instance of node:wasi that is initialised each time.
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { Worker } from 'node:worker_threads';
import { nodeMmu } from '../src/hal/node/mmu/mmu.ts';
import { Machine, type Policy, type Template } from '../src/index.ts';
import { assemble } from './guests.ts';
import { initRuby, ruby, rubyProgram } from './ruby.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

const LIVES = 200;
const PART_TIMES = 2000;
const NS_PER_US = 1000;
const NS_PER_MS = 1e6;
const WORKERS = 4;
/** Until V8 has compiled what spawning takes: its compiler works beside, and is not done when each function has run often enough. */
const WARM_UP_MS = 4000;

/** Fills so much of its 10 MB when it is initialised; a process of it writes one page. */
const program = (filled: number) => `
  (memory (export "memory") 160)
  (global $state (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $state (i32.const 41)) (memory.fill (i32.const 0) (i32.const 9) (i32.const ${filled})))
  (func (export "_start") (i32.store (i32.const 4096) (global.get $state)))`;
/** It may write to a table, which is not put back. */
const UNRECYCLED = `${program(65_536)}
  (table $t 2 funcref) (elem declare func $f)
  (func $f (table.set $t (i32.const 0) (ref.func $f)))`;

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0 });
  const policy = await machine.policy('compute');
  const recycled = await machine.template(await assemble(`(module ${program(65_536)})`));
  const bytes = await assemble(`(module ${program(10 * 2 ** 20)})`);
  const filled = await machine.template(bytes);
  const renewed = await machine.template(await assemble(`(module ${UNRECYCLED})`));
  if (recycled.layout.recycle !== true || renewed.layout.recycle === true)
    throw new Error('the programs are not as they should be');
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; )
    for (const one of [recycled, renewed, filled]) await life(machine, one, policy);
  const nothing = openSync('/dev/null', 'r+');
  const module = new WebAssembly.Module(bytes as BufferSource);

  const superos = (template: Template) => () => microseconds(LIVES, () => life(machine, template, policy));
  const own = { name: 'superos', round: superos(recycled) };
  const native = { name: 'native', round: () => scratch.spawnRound(50) };
  const worker = { name: 'new Worker', round: () => microseconds(WORKERS, startWorker) };
  const wasi = { name: 'node:wasi', round: () => microseconds(LIVES / 20, () => inLine(module, nothing)) };
  const subject = (name: string, contenders: Subject['contenders'], target: NonNullable<Subject['target']>): Subject => ({
    name: `template: ${name}`,
    unit: 'us',
    rounds: 15,
    contenders,
    target,
  });
  return [
    subject('life, recycled', [own, native, worker], { most: 20 }),
    subject('life, new instance', [{ name: 'superos', round: superos(renewed) }, native], { most: 50 }),
    subject('life, recycled', [own, native], { most: 1 / 25, of: 'native' }),
    subject('life, recycled', [own, worker], { most: 1 / 500, of: 'new Worker' }),
    {
      ...subject('life, 10 MB initialised', [{ name: 'superos', round: superos(filled) }, wasi], {
        most: 1 / 40,
        of: 'node:wasi',
      }),
      close: () => closeSync(nothing),
    },
    await rubySubject(machine),
    ...(await parts()),
  ];
}

/** Where some of a recycled life goes: what the host and V8 take of it, each by itself. */
async function parts(): Promise<Subject[]> {
  const mmu = nodeMmu();
  const image = mmu.seal(new Uint8Array(65_536).fill(9))!;
  const memory = mmu.allocate({ minimum: 160, maximum: undefined, shared: false, address: 'i32' }, image)!;
  mmu.load(memory, image);
  const bytes = new Uint8Array(memory.buffer);
  const putBack = () => {
    bytes[4096] = 1;
    if (!mmu.reset(memory, image)) throw new Error('the memory was not put back');
  };
  const module = new WebAssembly.Module((await assemble('(module (func (export "_start")))')) as BufferSource);
  const entry = WebAssembly.promising(new WebAssembly.Instance(module).exports['_start'] as WebAssembly.ExportedFunction);
  const part = (name: string, action: () => unknown): Subject => ({
    name: `template: of a life, ${name}`,
    unit: 'us',
    rounds: 15,
    contenders: [{ name: 'superos', round: () => microseconds(PART_TIMES, action) }],
  });
  return [part('a written page is found and put back', putBack), part('a stack of its own (JSPI)', () => entry())];
}

/** An expression in an interpreter that is there already, or is started for it. */
async function rubySubject(machine: Machine): Promise<Subject> {
  const program = await rubyProgram();
  const template = await machine.template(program, { until: initRuby, capabilities: ['clock', 'random'] });
  const milliseconds = (from: typeof program, ready: boolean) => async () =>
    (await nanoseconds(1, async () => {
      const said = await ruby(machine, from, 'p [1, 2, 3].sum { |x| x ** 2 }', ready);
      if (said !== '14\n') throw new Error(`ruby said ${said}`);
    })) / NS_PER_MS;
  return {
    name: 'template: ruby, an expression',
    unit: 'ms',
    rounds: 9,
    contenders: [
      { name: 'superos', round: milliseconds(template, true) },
      { name: 'cold', round: milliseconds(program, false) },
    ],
    target: { most: 1 / 50, of: 'cold' },
    close: () => machine[Symbol.asyncDispose](),
  };
}

async function microseconds(count: number, action: () => unknown): Promise<number> {
  const each = await nanoseconds(count, async () => {
    for (let i = 0; i < count; i++) await action();
  });
  return each / NS_PER_US;
}

async function life(machine: Machine, template: Template, policy: Policy): Promise<void> {
  const child = await machine.process(template).policy(policy).stdio('null').spawn();
  const { reason } = await child.wait();
  if (reason !== 'exit') throw new Error(`it ended by ${reason}`);
}

async function startWorker(): Promise<void> {
  await once(new Worker('', { eval: true }), 'exit');
}

function inLine(module: WebAssembly.Module, nothing: number): void {
  const wasi = new WASI({ version: 'preview1', stdin: nothing, stdout: nothing, stderr: nothing });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
  (instance.exports['_initialize'] as () => void)();
  wasi.finalizeBindings(instance);
  (instance.exports['_start'] as () => void)();
}
