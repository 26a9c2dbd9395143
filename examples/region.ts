// Memory that processes share: a camera writes frames, a viewer sees them without a copy, and may not change them. Once it is taken
// away it is in no process any more, and a touch of where it was ends who touches it.
import { fileURLToPath } from 'node:url';
import { Machine } from 'superos';

await using machine = await Machine.boot();
await using frames = machine.region('1m', { name: 'frames' });

const source = fileURLToPath(new URL('region.wat', import.meta.url));
const camera = await machine.process(source).capabilities([frames]).reactor().spawn();
const viewer = await machine
  .process(source)
  .capabilities([frames.derive({ rights: ['read'] })])
  .reactor()
  .spawn();

const [READ, WRITE] = [1, 2];
console.log(`the camera maps it: ${await camera.call('map', WRITE)}`);
console.log(`the viewer maps it to write: ${await viewer.call('map', WRITE)}; to read: ${await viewer.call('map', READ)}`);

await camera.call('draw', 7);
console.log(`the viewer sees ${await viewer.call('sum')}, the embedder ${frames.view.reduce((sum, byte) => sum + byte, 0)}`);

await frames.revoke();
await viewer.call('sum').catch(() => undefined);
const { reason, message } = await viewer.wait();
const [what] = /region:\w+.*revoked/.exec(message ?? '') ?? [];
console.log(`${reason}: ${what?.replace(/ at [^,]*/, '')}`);
await camera[Symbol.asyncDispose]();
