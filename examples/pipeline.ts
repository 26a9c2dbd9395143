// Programs joined as in a shell, through Node's streams: sed | tr | uniq, and a transform of this program's own in between.
// Back-pressure goes all the way: no program runs ahead of a slow reader by more than a pipe's 64 KiB.

import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Machine } from 'superos';

const packages = new URL('../node_modules/@rivet-dev/', import.meta.url);
await using machine = await Machine.boot();
const start = (name: string, command: string, args: readonly string[]) =>
  machine
    .process(new URL(`agent-os-${name}/wasm/${command}`, packages))
    .args(args)
    .spawn();

const sed = await start('sed', 'sed', ['-E', 's/[^a-z]+/\\n/g']);
const tr = await start('coreutils', 'tr', ['a-z', 'A-Z']);
const uniq = await start('coreutils', 'uniq', ['-c']);

async function* withoutBlankLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield `${line}\n`;
  }
}

const [counted] = await Promise.all([
  text(uniq.stdout!),
  pipeline(Readable.from(['ah ah, ah; well well.\n', 'ah\n']), sed.stdin!),
  pipeline(sed.stdout!, withoutBlankLines, tr.stdin!),
  pipeline(tr.stdout!, uniq.stdin!),
]);
process.stdout.write(counted);
for (const child of [sed, tr, uniq]) console.log(`${child.info().program}: ${(await child.wait()).reason}`);
