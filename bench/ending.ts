// How long after a kill, a timeout or a CPU limit a process is over, whatever it does: in place and on threads.
import { type ChildProcess, Machine } from '../src/index.ts';
import { CALLING, ENDLESS, WAITING } from '../test/machine/endless.ts';
import { wat } from '../test/machine/guests.ts';
import type { Subject } from './subject.ts';

const MOST_MS = 20;
const ROUNDS = 3;
/** What a process gets before it is ended: long enough for it to be in the middle of what it does. */
const RUN_MS = 60;
const NS_PER_MS = 1e6;

const nowMs = () => Number(process.hrtime.bigint()) / NS_PER_MS;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function subjects(): Promise<Subject[]> {
  const made: Subject[] = [];
  for (const cpus of [0, 2]) {
    const machine = await Machine.boot({ cpus });
    // The tick is there for whoever comes first.
    await after(200);
    const where = cpus === 0 ? 'in place' : 'on threads';
    const start = async (text: string, limits: { timeout?: number; cpuTime?: number } = {}): Promise<ChildProcess> =>
      machine
        .process(await wat(text))
        .limits(limits)
        .stdio('pipe')
        .spawn();
    const subject = (name: string, how: string, round: () => Promise<number>): Subject => ({
      name: `ending ${where}: ${how}, ${name}`,
      unit: 'ms',
      rounds: ROUNDS,
      contenders: [{ name: 'superos', round }],
      target: { most: MOST_MS },
    });
    for (const [name, text] of Object.entries({ ...ENDLESS, ...CALLING, ...WAITING })) {
      made.push(
        subject(name, 'kill', async () => {
          const child = await start(text);
          await after(RUN_MS);
          const killed = nowMs();
          child.kill('SIGKILL');
          await child.wait();
          return nowMs() - killed;
        }),
        subject(name, 'timeout', async () => {
          const { usage } = await (await start(text, { timeout: RUN_MS })).wait();
          return usage.wallMs - RUN_MS;
        }),
      );
      if (name in WAITING) continue;
      made.push(
        subject(name, 'CPU limit', async () => {
          const { usage } = await (await start(text, { cpuTime: RUN_MS })).wait();
          return usage.cpuMs - RUN_MS;
        }),
      );
    }
    made.push({ ...made.pop()!, close: () => machine[Symbol.asyncDispose]() });
  }
  return made;
}
