// For gc-heap.test.ts: runs guests that fill the engine's heap, in a host of its own whose heap is small: without the defence it is
// aborted. Says how each of them ended.
//   gc-child.ts IN NAME[:MEMORY]...      IN: place, or thread
import { writeSync } from 'node:fs';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { wat } from '../machine/guests.ts';

const LIST = '(type $n (struct (field (ref null $n)) (field i64))) (global $g (mut (ref null $n)) (ref.null $n))';
const forever = (body: string) => `(func (export "_start") (loop $a ${body} (br $a)))`;

/** Guests by name. All run for ever. */
const GUESTS: Record<string, string> = {
  list: `${LIST} ${forever('(global.set $g (struct.new $n (global.get $g) (i64.const 1)))')}`,
  garbage: `${LIST} ${forever('(global.set $g (struct.new $n (ref.null $n) (i64.const 1)))')}`,
  defaults: `(type $n (struct (field (mut (ref null $n))) (field i64))) (global $g (mut (ref null $n)) (ref.null $n))
    (func (export "_start") (local $x (ref null $n))
      (loop $a (local.set $x (struct.new_default $n)) (struct.set $n 0 (local.get $x) (global.get $g)) (global.set $g (local.get $x)) (br $a)))`,
  huge: `(type $b (array (mut i8))) (global $g (mut (ref null $b)) (ref.null $b))
    ${forever('(global.set $g (array.new $b (i32.const 1) (i32.const 1073741000)))')}`,
  arrays: `(type $b (array (mut i64))) (type $all (array (mut (ref null $b)))) (global $g (ref $all) (array.new_default $all (i32.const 100000)))
    (func (export "_start") (local $i i32)
      (loop $a (array.set $all (global.get $g) (local.get $i) (array.new_default $b (i32.const 5000)))
        (local.set $i (i32.rem_u (i32.add (local.get $i) (i32.const 1)) (i32.const 100000))) (br $a)))`,
  fixed: `(type $b (array (mut anyref))) (global $g (mut anyref) (ref.null any))
    ${forever(`(global.set $g (array.new_fixed $b 4 (global.get $g) (ref.null any) (ref.null any) (ref.null any)))`)}`,
  segments: `(type $b (array (mut i8))) (type $n (struct (field anyref) (field anyref))) (global $g (mut anyref) (ref.null any)) (data $d "${'x'.repeat(1000)}")
    ${forever('(global.set $g (struct.new $n (global.get $g) (array.new_data $b $d (i32.const 0) (i32.const 1000))))')}`,
  elements: `(type $b (array (mut i31ref))) (type $n (struct (field anyref) (field anyref))) (global $g (mut anyref) (ref.null any))
    (elem $e i31ref ${'(ref.i31 (i32.const 1))'.repeat(100)})
    ${forever('(global.set $g (struct.new $n (global.get $g) (array.new_elem $b $e (i32.const 0) (i32.const 100))))')}`,
  exceptions: `(tag $e (param i64 i64 i64 i64)) (table $t 1000000 exnref)
    (func (export "_start") (local $i i32)
      (loop $a
        (table.set $t (local.get $i) (block $c (result exnref)
          (try_table (catch_all_ref $c) (throw $e (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))) (unreachable)))
        (local.set $i (i32.rem_u (i32.add (local.get $i) (i32.const 1)) (i32.const 1000000))) (br $a)))`,
  chain: `(tag $e (param exnref)) (global $g (mut exnref) (ref.null exn))
    ${forever('(global.set $g (block $c (result exnref) (try_table (catch_all_ref $c) (throw $e (global.get $g))) (unreachable)))')}`,
  tables: '(table $t 1000000 externref) (func (export "_start"))',
  grownTables: `(table $t 1 funcref) (func (export "_start")
    (loop $a (br_if $a (i32.ge_s (table.grow $t (ref.null func) (i32.const 100000)) (i32.const 0))))
    (if (i32.gt_u (table.size $t) (i32.const 500000)) (then (unreachable))))`,
  constants: `(type $b (array (mut i8))) (global $a (ref $b) (array.new_default $b (i32.mul (i32.const 30000) (i32.const 30000)))) ${forever('')}`,
  constantElements: `(type $b (array (mut i8))) (table 1 (ref null $b))
    (elem (i32.const 0) (ref null $b) (array.new $b (i32.const 0) (i32.const 900000000))) ${forever('')}`,
};

const [where, ...wanted] = process.argv.slice(2);
await using machine = await Machine.boot({ cpus: where === 'thread' ? 1 : 0 });
const children: [string, ChildProcess][] = [];
for (const one of wanted) {
  const [name, memory] = one.split(':') as [string, string | undefined];
  const program = await wat(GUESTS[name]!);
  children.push([
    name,
    await machine
      .process(program)
      .limits(memory === undefined ? {} : { memory })
      .spawn(),
  ]);
}
const ended: string[] = [];
const done = children.map(async ([name, child]) => {
  const { reason, message } = await child.wait();
  ended.push(`${name} ${reason}: ${message}`);
});
// All but what only makes garbage come to an end.
await Promise.all(done.filter((_, i) => children[i]![0] !== 'garbage'));
const left = children.filter(([name]) => name === 'garbage');
for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
const running = left.filter(([, child]) => child.info().state !== 'terminated').length;
writeSync(1, JSON.stringify({ ended, running }));
for (const [, child] of left) child.kill('SIGKILL');
