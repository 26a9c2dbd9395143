// For crowd.test.ts: starts processes that block, until the host refuses; then ends all of them, and starts one more.
//   crowd-child.ts READER
import { readFileSync } from 'node:fs';
import { type ChildProcess, Machine, SuperosError } from '../../src/index.ts';

const machine = await Machine.boot({ cpus: 0 });
const program = await machine.compile(readFileSync(process.argv[2]!));
const children: ChildProcess[] = [];
const codes = new Set<string>();
while (codes.size === 0) {
  try {
    children.push(await machine.process(program).capabilities([]).spawn());
  } catch (error) {
    codes.add(error instanceof SuperosError ? error.code : String(error));
  }
  // They run, and block, in turns of the event loop.
  if (children.length % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
}
while (!children.every((child) => child.info().state === 'blocked')) await new Promise((resolve) => setImmediate(resolve));
const held = children.length;
for (const child of children) child.kill('SIGKILL');
const statuses = await Promise.all(children.map((child) => child.wait()));
const left = machine.processes.length;
const { stdout } = await machine.process(program).input('one more').run();
const alive = stdout.toString() === 'read: one moreend\n' && statuses.every(({ reason }) => reason === 'signal');
process.stdout.write(JSON.stringify({ held, codes: [...codes], alive, left }));
