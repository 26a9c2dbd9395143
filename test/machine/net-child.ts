// A machine with sockets of every kind open, which is closed: the process must then end by itself, since nothing is left open.

import { Machine } from '../../src/index.ts';
import { guest } from './guests.ts';

const machine = await Machine.boot({ cpus: Number(process.argv[2]) });
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
await machine[Symbol.asyncDispose]();
console.log((await server.wait()).reason, (await client.wait()).reason);
