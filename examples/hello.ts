// The whole of it: boot a machine, run a program with what it is given and nothing else, read what came of it.
import { Machine } from 'superos';

await using machine = await Machine.boot();
const { stdout, status } = await machine
  .process(new URL('../guests/bin/args-env.wasm', import.meta.url))
  .args(['--greet', 'world'])
  .env({ LANG: 'C' })
  .run();
process.stdout.write(stdout);
console.log(`ended by ${status.reason} with ${status.code}, after ${status.usage.systemCalls} system calls`);
