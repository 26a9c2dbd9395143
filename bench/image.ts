// Whether the size of an image matters: lives of processes that touch the same few pages of a small and of a large one.
import { Machine, type Template } from '../src/index.ts';
import { assemble } from './guests.ts';
import { nanoseconds, type Subject } from './subject.ts';

const LIVES = 100;
const NS_PER_US = 1000;
const MIB_PAGES = 16;
/** Until V8 has compiled what spawning takes. */
const WARM_UP = 3000;

/** Every byte of it is written when it is initialised. A process reads four pages and writes four. */
const program = (pages: number) => `(module
  (memory (export "memory") ${pages})
  (func (export "_initialize") (memory.fill (i32.const 0) (i32.const 7) (i32.const ${pages * 65_536})))
  (func (export "_start") (local $i i32)
    (loop $again
      (i32.store (i32.mul (local.get $i) (i32.const 8192))
        (i32.load8_u (i32.add (i32.mul (local.get $i) (i32.const 8192)) (i32.const 5000))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))))`;

export async function subjects(): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0 });
  const make = async (mebibytes: number) => machine.template(await assemble(program(mebibytes * MIB_PAGES)));
  const [small, large] = [await make(1), await make(1024)];
  for (const one of [small, large]) for (let i = 0; i < WARM_UP; i++) await life(machine, one);
  const lives = (template: Template) => async () => {
    const each = await nanoseconds(LIVES, async () => {
      for (let i = 0; i < LIVES; i++) await life(machine, template);
    });
    return each / NS_PER_US;
  };
  return [
    {
      name: 'image: life, 1 GiB',
      unit: 'us',
      rounds: 15,
      contenders: [
        { name: 'superos', round: lives(large) },
        { name: '1 MiB', round: lives(small) },
      ],
      target: { most: 1.5, of: '1 MiB' },
      close: () => machine[Symbol.asyncDispose](),
    },
  ];
}

async function life(machine: Machine, template: Template): Promise<void> {
  const child = await machine.process(template).stdio('null').spawn();
  const { reason } = await child.wait();
  if (reason !== 'exit') throw new Error(`it ended by ${reason}`);
}
