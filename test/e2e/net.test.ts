// The network on the command line: a server at a port that is free, a client, and what a program was not granted.
import net from 'node:net';
import { expect, test } from 'vitest';
import { listener } from '../security/networks.ts';
import { ended, guest, start, superos } from './command.ts';

/** The port that the command says, and all that it writes to standard error until its end. */
function listening(child: ReturnType<typeof start>, pattern: RegExp): Promise<number> {
  return new Promise((resolve) => {
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = pattern.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

const echoed = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(got));
    socket.end(text);
  });

test.each([
  ['', /^superos: listening on 127\.0\.0\.1:(\d+)\n/],
  ['--dedicated', /^superos: listening on 127\.0\.0\.1:(\d+)\n/],
  ['--json', /^\{"listening":"127\.0\.0\.1:(\d+)"\}\n/],
])('a server at a port that is free says which %s', async (option, pattern) => {
  const options = option === '' ? [] : [option];
  const child = start(['run', ...options, '--cap', 'net:listen:127.0.0.1:0', guest('net-echo'), 'read', '1']);
  const end = ended(child);
  child.stdin.end();
  expect(await echoed(await listening(child, pattern), 'as it was')).toBe('as it was');
  expect(await end).toBe(0);
});

test('a client connects to what it was granted, and to nothing else', async () => {
  await using here = await listener();
  const port = String(here.port);
  const client = async (cap: string, host: string): Promise<[unknown, string]> => {
    const child = start(['run', '--cap', cap, guest('net-client'), host, port]);
    const end = ended(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.end('hello\n');
    return [await end, output];
  };
  expect(await client(`net:connect:127.0.0.1:${port}`, '127.0.0.1')).toEqual([0, 'hello\n']);
  expect(await client(`net:connect:localhost:1-65535`, 'localhost')).toEqual([0, 'hello\n']);
  const told = (call: string, grant: string) =>
    `superos: net-client.wasm was refused ${call}; to allow it, give it ${grant} (--cap ${grant})\n`;
  const to = `127.0.0.1:${port}`;
  const refused = `net-client: 127.0.0.1: ENOTCAPABLE\n${told(`net_connect of ${to}`, `net:connect:${to}`)}`;
  for (const cap of ['network', `net:connect:*:${port}`, 'net:connect:127.0.0.1:1'])
    expect(await client(cap, '127.0.0.1')).toEqual([1, refused]);
  expect(await client('clock', '127.0.0.1')).toEqual([
    1,
    `net-client: no endpoint: ENOENT\n${told('cap_find', 'net:connect:HOST:PORT')}`,
  ]);
  expect(here.came).toBe(2);
});

test('a port that somebody has is told before the program runs', async () => {
  await using here = await listener();
  const run = superos(['run', '--cap', `net:listen:127.0.0.1:${here.port}`, guest('net-echo')]);
  expect(run).toMatchObject({ status: 125, stdout: '' });
  expect(run.stderr).toMatch(/^superos: .*net:listen:127\.0\.0\.1:\d+: somebody listens there already: EADDRINUSE\n$/);
});
