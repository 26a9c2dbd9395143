// A plugin that stays: exports called again and again, text passed through its memory. It has no capability at all.
import { fileURLToPath } from 'node:url';
import { Machine, SuperosError } from 'superos';

await using machine = await Machine.boot();
await using plugin = await machine
  .process(fileURLToPath(new URL('plugin.wat', import.meta.url)))
  .capabilities([])
  .limits({ memory: '1m' })
  .reactor()
  .spawn();

async function shout(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const [address] = await plugin.call('alloc', bytes.length);
  if (typeof address !== 'number' || address === 0) throw new Error('the plugin has no room');
  await plugin.write(address, bytes);
  const [count] = await plugin.call('shout', address, bytes.length);
  return `${new TextDecoder().decode(await plugin.read(address, bytes.length))} (${count} letters)`;
}

console.log(await shout('hello'));
console.log(await shout('plugins keep their state'));

// Addresses from a plugin are not to be trusted: reading outside its memory is an error, not a crash.
try {
  await plugin.read(2 ** 31, 16);
} catch (error) {
  if (!(error instanceof SuperosError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

// One that breaks ends itself alone.
const broken = await plugin.call('shout', 2 ** 31, 1).catch((error: SuperosError) => error.code);
console.log(`${broken}: ${(await plugin.wait()).reason}`);
