// A machine with sockets of every kind open, which is closed: the process must then end by itself, since nothing is left open.
// The port is one of a server that reads nothing: what was written to it is still to be sent when the machine is closed.
import { type ChildProcess, Machine } from '../../src/index.ts';
import { guest } from './guests.ts';

const [cpus, deaf] = process.argv.slice(2);
const machine = await Machine.boot({ cpus: Number(cpus) });
const server = await machine.process(guest('net-echo')).capabilities(['net:listen:127.0.0.1:0']).args(['read', '2']).spawn();
const [held] = (await server.capabilities()).filter(({ kind }) => kind === 'socket');
const port = held?.address?.split(':')[1] ?? '';
const grants = [`net:connect:127.0.0.1:${port}`, 'net:bind:127.0.0.1:0'];
const bound = ['bind', 'net:bind:127.0.0.1:0', '127.0.0.1', '0'];
const connected = ['connect', grants[0]!, '127.0.0.1', port, 'send', 'hello', 'recv', '2', '5', 'recv', '0', '1'];
const client = await machine
  .process(guest('net-probe'))
  .capabilities(grants)
  .args([...bound, ...connected])
  .spawn();
for await (const chunk of client.stdout!) if (String(chunk).includes('hello')) break;

const writer = await machine
  .process(guest('net-client'))
  .capabilities([`net:connect:127.0.0.1:${deaf}`])
  .args(['127.0.0.1', deaf!])
  .spawn();
writer.stdin!.on('error', () => undefined);
writer.stdin!.write(Buffer.alloc(2 ** 25));
await full(writer);

await machine[Symbol.asyncDispose]();
console.log((await server.wait()).reason, (await client.wait()).reason, (await writer.wait()).reason);
console.log(process.getActiveResourcesInfo().filter((name) => /TCP|UDP/.test(name)));

/** Until it has written for a while no more. */
async function full(child: ChildProcess): Promise<void> {
  let written = -1;
  for (let same = 0; same < 300; same++) {
    const { bytesWritten } = child.info().usage;
    if (bytesWritten !== written || bytesWritten < 100_000) same = 0;
    written = bytesWritten;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
