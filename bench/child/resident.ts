// Starts a thousand processes from an image of 100 MB, each of which writes ten pages and reads ten, and prints by how many megabytes
// the proportional set size of this host process and its page tables are larger then.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Machine } from '../../src/index.ts';
import { assemble } from '../guests.ts';

const PROCESSES = 1000;
const KB_PER_MB = 1000;
const PROGRAM = `(module
  (memory (export "memory") 1600)
  (func (export "_initialize") (memory.fill (i32.const 0) (i32.const 7) (i32.const 104857600)))
  (func (export "touch") (result i32) (local $i i32) (local $sum i32)
    (loop $again
      (i32.store (i32.mul (local.get $i) (i32.const 1000000)) (local.get $i))
      (local.set $sum (i32.add (local.get $sum)
        (i32.load8_u (i32.add (i32.mul (local.get $i) (i32.const 1000000)) (i32.const 50000000)))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
    (local.get $sum)))`;

const figure = (file: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'latin1'))![1]) / KB_PER_MB;
const megabytes = (): number => figure('/proc/self/smaps_rollup', 'Pss') + figure('/proc/self/status', 'VmPTE');

if (process.platform !== 'linux') {
  console.log('not run (needs /proc)');
  process.exit();
}
const machine = await Machine.boot({ cpus: 0 });
const template = await machine.template(await assemble(PROGRAM));
const start = async () => {
  const child = await machine.process(template).stdio('null').reactor().spawn();
  const [sum] = await child.call('touch');
  if (sum !== 70) throw new Error(`it read ${sum}`);
};
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
// What the template was made in is no part of it: finalisers free it in later turns.
for (let i = 0; i < 5; i++) {
  collect();
  await new Promise((resolve) => setImmediate(resolve));
}
const before = megabytes();
for (let i = 0; i < PROCESSES; i++) await start();
console.log((megabytes() - before).toFixed(1));
process.exit();
