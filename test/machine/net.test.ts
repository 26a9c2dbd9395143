import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CPUS } from './guests.ts';

test.for(CPUS)('a machine that is closed leaves no socket open: %i threads', async (cpus, { signal }) => {
  const deaf = net.createServer({ pauseOnConnect: true }, (socket) => socket.on('error', () => socket.destroy()));
  await new Promise<void>((resolve) => {
    deaf.listen(0, '127.0.0.1', resolve);
  });
  const { port } = deaf.address() as net.AddressInfo;
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'net-child.ts'), String(cpus), String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = await once(child, 'exit');
  deaf.close();
  expect(code).toBe(0);
  // The client may see that the server is gone before its own signal comes.
  expect(output).toMatch(/^signal (signal|exit) signal\n\[\]\n$/);
});
