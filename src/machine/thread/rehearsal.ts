// Before a thread waits for a process of its own, it goes through the lives of some that nobody sees: what a start takes is compiled
// by then, and the one that comes does not pay for it.
import { DEFAULT_LIMITS } from '../../kernel/limits.ts';
import type { Program } from '../../runtime/program.ts';
import { STANDARD } from '../grants.ts';
import { ThreadKernel } from './kernel.ts';
import { newPage } from './page.ts';
import type { FromKernel, KernelStart } from './protocol.ts';

/** So many take the first start from 5 ms to less than 2, and 10 ms themselves. */
const LIVES = 10;

/** In a kernel of its own, which nobody hears of. `value`: a program that writes something and ends. */
export async function rehearse(start: KernelStart, value: Program): Promise<void> {
  let told: (type: FromKernel['type']) => void = () => {};
  const busy = new SharedArrayBuffer(start.busy.byteLength);
  const kernel = new ThreadKernel({ ...start, heard: undefined, busy }, ({ type }) => told(type));
  const until = (...types: FromKernel['type'][]) =>
    new Promise<FromKernel['type']>((resolve) => {
      told = (type) => types.includes(type) && resolve(type);
    });
  kernel.receive({ type: 'program', program: 0, value });
  for (let id = 0; id < LIVES; id++) {
    const over = until('ended', 'refused');
    kernel.receive({
      type: 'spawn',
      id,
      program: 0,
      policy: undefined,
      order: {
        args: [value.name],
        environment: new Map(),
        grants: STANDARD,
        functions: [],
        regions: [],
        cwd: undefined,
        stdio: ['null', 'pipe', 'null'],
        limits: DEFAULT_LIMITS,
        nice: 0,
        protect: {},
        task: 'command',
        enforce: true,
      },
      programs: [],
      policies: [],
      page: newPage(),
      attended: { softLimits: false, asks: false, observes: false },
    });
    // Where the host has no room, whoever comes is told.
    if ((await over) === 'refused') break;
  }
  const closed = until('closed');
  kernel.receive({ type: 'close', forced: false });
  await closed;
}
