// Code of a stranger: bounded in memory and time, stopped from outside, and without any right on this host.
// Time, abort and kill end it wherever it is: in a wait, in a system call, or in a loop that makes none.
import { fileURLToPath } from 'node:url';
import { type ExitStatus, Machine } from 'superos';

const code = fileURLToPath(new URL('untrusted.wat', import.meta.url));
await using machine = await Machine.boot();

const stranger = (task: string, ...args: number[]) =>
  machine.process(code).capabilities([]).limits({ memory: '16m', timeout: '300ms', fds: 8 }).invoke(task, args);

const told = ({ reason, signal, code }: ExitStatus) =>
  `${reason}${signal === null ? '' : ` (${signal})`}${code === null ? '' : ` ${code}`}`;

const work = await stranger('work', 20).run();
console.log(`work: ${work.results} - ${told(work.status)}`);

const snoop = await stranger('snoop').run();
console.log(`snoop: found descriptor ${snoop.results} - ${told(snoop.status)}`);

const hoard = await stranger('hoard').run();
console.log(`hoard: got ${hoard.results} pages of 64 KiB - ${told(hoard.status)}`);

const fall = await stranger('fall').run();
console.log(`fall: ${told(fall.status)}: ${fall.status.message?.split('\n')[0]}`);

const stay = await stranger('stay').run();
console.log(`stay: ${told(stay.status)}`);

const abort = new AbortController();
const child = await stranger('stay').limits({ timeout: '1m' }).signal(abort.signal).spawn();
setTimeout(() => abort.abort(), 20);
console.log(`stay, aborted: ${told(await child.wait())}`);
