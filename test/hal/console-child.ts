// A program for console.test.ts: it uses its standard streams through the console driver, and reports on standard error.
//   read SIZE TIMES     reads SIZE bytes, TIMES times or to the end; says `wait` before it waits
//   poll                waits for input and ends without reading it
//   write BYTES SIZE    writes BYTES bytes in pieces of SIZE; says `full` the first time that there is no room
//   abandon             begins to wait for input, and closes
//   type                what its standard streams are
import { nodeConsole } from '../../src/hal/node/console.ts';

const console = nodeConsole();
const [command, first = '0', second = '0'] = process.argv.slice(2);
const report = (line: string) => process.stderr.write(`${line}\n`);

async function read(size: number, times: number): Promise<void> {
  const into = new Uint8Array(size);
  for (let i = 0; i < times; i++) {
    let got = console.stdin.read(into, 0, size);
    while (got === 'AGAIN') {
      const ready = console.stdin.ready('read');
      if (ready) report('wait');
      await ready;
      got = console.stdin.read(into, 0, size);
    }
    report(`${got} ${JSON.stringify(new TextDecoder().decode(into.subarray(0, Number(got) || 0)))}`);
    if (got === 0 || typeof got === 'string') return;
  }
}

async function write(bytes: number, size: number): Promise<void> {
  const from = new Uint8Array(size).fill(0x78);
  let reported = false;
  for (let left = bytes; left > 0; ) {
    const put = console.stdout.write(from, 0, Math.min(size, left));
    if (put === 'AGAIN') {
      if (!reported) report('full');
      reported = true;
      await console.stdout.ready('write');
    } else if (typeof put === 'string') {
      report(put);
      return;
    } else left -= put;
  }
  report('written');
}

if (command === 'read') await read(Number(first), Number(second));
else if (command === 'write') await write(Number(first), Number(second));
else if (command === 'poll') {
  const ready = console.stdin.ready('read');
  report('wait');
  await ready;
} else if (command === 'abandon') {
  report(String(console.stdin.read(new Uint8Array(1), 0, 1)));
  void console.stdin.ready('read');
  console.stdin.close();
} else if (command === 'type') {
  report([console.stdin, console.stdout, console.stderr].map((stream) => stream.type).join(' '));
  report(JSON.stringify(console.size() ?? null));
}
