// SECURITY 15: processes of one template draw different randomness, and what one calls through its table touches its own memory.
import { describe, expect, test } from 'vitest';
import { Machine, type Template } from '../../src/index.ts';
import { CPUS, WASI, wat } from '../machine/guests.ts';

/** Draws a key when it is initialised, and another each time that it is asked; a stack pointer as toolchains have it. */
const DRAWING = (reseed: string) => `
  ${WASI('random_get', 'proc_exit')}
  (memory (export "memory") 4)
  (global $key (mut i64) (i64.const 0))
  (func $draw (result i64) (drop (call $random_get (i32.const 8) (i32.const 8))) (i64.load (i32.const 8)))
  (func (export "_initialize") (global.set $key (call $draw)))
  ${reseed}
  (func (export "key") (result i64) (global.get $key))
  (func (export "draw") (result i64) (call $draw))
  (func (export "_start"))`;
const RESEED = `(func (export "superos_reseed") (global.set $key (call $draw)))`;
const PROCESSES = 50;

/** What so many processes say: one after the other, in the same instances, and at once. */
async function ask(machine: Machine, template: Template, name: string): Promise<Set<string>> {
  const one = async () => {
    const { results } = await machine.process(template).capabilities(['random']).invoke(name).run();
    return String(results);
  };
  const said = await Promise.all(Array.from({ length: PROCESSES / 2 }, one));
  for (let i = 0; i < PROCESSES / 2; i++) said.push(await one());
  return new Set(said);
}

describe.each(CPUS)('processes of one template, with %i threads,', (cpus) => {
  test('draw different randomness', async () => {
    await using machine = await Machine.boot({ cpus });
    using template = await machine.template(await wat(DRAWING('')), { capabilities: ['random'] });
    expect((await ask(machine, template, 'draw')).size).toBe(PROCESSES);
  });

  test('have what was drawn before in common, which is told, unless the program draws it anew', async () => {
    await using machine = await Machine.boot({ cpus });
    using common = await machine.template(await wat(DRAWING('')), { capabilities: ['random'] });
    expect(common.reads).toEqual({ random_get: 1 });
    expect((await ask(machine, common, 'key')).size).toBe(1);
    using own = await machine.template(await wat(DRAWING(RESEED)), { capabilities: ['random'] });
    expect((await ask(machine, own, 'key')).size).toBe(PROCESSES);
    await using pool = machine.pool(own, { min: 4 });
    const keys = new Set<string>();
    for (let i = 0; i < PROCESSES; i++)
      keys.add(String((await pool.process().capabilities(['random']).invoke('key').run()).results));
    expect(keys.size).toBe(PROCESSES);
  });

  test('call through tables into their own memory only', async () => {
    await using machine = await Machine.boot({ cpus });
    using template = await machine.template(
      await wat(`(memory (export "memory") 2)
        (type $poke (func (param i32 i32))) (table $t 3 funcref) (elem declare func $low $high)
        (func $low (param i32 i32) (i32.store (local.get 0) (local.get 1)))
        (func $high (param i32 i32) (i32.store offset=65536 (local.get 0) (local.get 1)))
        (func (export "_initialize") (table.set $t (i32.const 0) (ref.func $low)) (table.set $t (i32.const 2) (ref.func $high)))
        (func (export "poke") (param i32 i32 i32) (call_indirect $t (type $poke) (local.get 1) (local.get 2) (local.get 0)))
        (func (export "swap") (table.set $t (i32.const 0) (ref.func $high)))`),
    );
    const start = () => machine.process(template).stdio('null').reactor().spawn();
    const [one, two] = await Promise.all([start(), start()]);
    const word = async (child: typeof one, at: number) =>
      new DataView((await child.read(at, 4)).slice().buffer).getUint32(0, true);
    await one.call('poke', 0, 64, 111);
    await two.call('poke', 2, 64, 222);
    await one.call('swap');
    await one.call('poke', 0, 128, 333);
    await two.call('poke', 0, 128, 444);
    expect([await word(one, 64), await word(one, 65_600), await word(one, 128), await word(one, 65_664)]).toEqual([
      111, 0, 0, 333,
    ]);
    expect([await word(two, 64), await word(two, 65_600), await word(two, 128), await word(two, 65_664)]).toEqual([
      0, 222, 444, 0,
    ]);
    await expect(two.call('poke', 1, 0, 1)).rejects.toThrow();
    expect(await two.wait()).toMatchObject({ reason: 'trap' });
    await one[Symbol.asyncDispose]();
  });
});
