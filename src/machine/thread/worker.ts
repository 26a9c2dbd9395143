// What a thread of the machine runs: a kernel, or the loader of programs. Started by the machine alone.
import { threadPort } from '../../hal/node/thread.ts';
import { ThreadKernel } from './kernel.ts';
import { ThreadLoader } from './loader.ts';
import type { KernelStart, LoaderStart, ToKernel, ToLoader } from './protocol.ts';
import { rehearse } from './rehearsal.ts';

const early: unknown[] = [];
let receive = (message: never): unknown => early.push(message);
const { data, send } = threadPort((message) => receive(message as never));
const start = data as KernelStart | LoaderStart;
if (start.role === 'kernel') {
  if (start.rehearsal !== undefined) await rehearse(start, start.rehearsal);
  const kernel = new ThreadKernel(start, send);
  receive = (message: ToKernel) => kernel.receive(message);
  for (const message of early) kernel.receive(message as ToKernel);
  send({ type: 'ready' });
} else {
  const loader = new ThreadLoader(start, send);
  receive = (message: ToLoader) => loader.receive(message);
}
