// Sockets through real guests and a real host: the preopened listener, connections, datagrams; what goes wrong, what is
// bounded, and that nothing is left.
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, type Grant, Machine } from '../../src/index.ts';
import { CPUS, guest } from '../machine/guests.ts';
import { listener } from '../security/networks.ts';

const LISTEN: Grant = { net: 'listen', host: '127.0.0.1', ports: 0 };
const connecting = (ports: number | string): Grant => ({ net: 'connect', host: '127.0.0.1', ports });

/** Sends all, shuts down its direction, and reads to the end. */
async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(bytes);
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe.each(CPUS)('%i threads', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const spawn = (name: string, grants: readonly Grant[], ...args: (string | number)[]): Promise<ChildProcess> =>
    machine.process(guest(name)).capabilities(grants).args(args.map(String)).spawn();

  /** The port of the listener that a process was given. */
  async function portOf(child: ChildProcess): Promise<number> {
    const held = (await child.capabilities()).find(({ kind }) => kind === 'socket');
    expect(held).toMatchObject({ number: 3, grant: 'net:listen:127.0.0.1:0', rights: expect.arrayContaining(['accept']) });
    return Number(held?.address?.replace('127.0.0.1:', ''));
  }

  const probe = async (grants: readonly Grant[], ...args: (string | number)[]): Promise<string[]> => {
    const { stdout } = await machine.process(guest('net-probe')).capabilities(grants).args(args.map(String)).run();
    return stdout.toString().replace(/\n$/, '').split('\n');
  };

  test.each(['read', 'recv'])('a server echoes through its preopened listener: %s', async (how) => {
    const child = await spawn('net-echo', [LISTEN], how, 2);
    const port = await portOf(child);
    const bytes = Buffer.alloc(1_000_000, 'superos ');
    expect(Buffer.compare(await exchange(port, bytes), bytes)).toBe(0);
    expect((await exchange(port, Buffer.of())).length).toBe(0);
    expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0 });
    // It is gone with the process.
    const refused = net.connect({ host: '127.0.0.1', port });
    expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('one server, many connections at once, none of which it waits for', async () => {
    const child = await spawn('net-echo', [LISTEN, 'clock'], 'poll', 40);
    const port = await portOf(child);
    const sent = Array.from({ length: 40 }, (_, i) => Buffer.alloc(20_000 + i, `${i} `));
    const got = await Promise.all(sent.map((bytes) => exchange(port, bytes)));
    expect(got.map((bytes, i) => Buffer.compare(bytes, sent[i]!))).toEqual(sent.map(() => 0));
    expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0 });
  });

  test('the listener comes after the directories, as C libraries need it', async () => {
    const child = await spawn('net-echo', [{ tmp: '/tmp' }, LISTEN, 'dev'], 'read', 1);
    const kinds = (await child.capabilities()).filter(({ number }) => number > 2 && number < 2 ** 30);
    expect(kinds.map(({ number, kind }) => [number, kind])).toEqual([
      [3, 'directory'],
      [4, 'directory'],
      [5, 'socket'],
    ]);
    child.kill();
    await child.wait();
  });

  test('a client sends its input and prints what comes back', async () => {
    await using there = await listener();
    const child = await machine
      .process(guest('net-client'))
      .capabilities([connecting(there.port)])
      .args(['127.0.0.1', String(there.port)])
      .input('what it said\n'.repeat(20_000))
      .run();
    expect(child.stdout.toString() === 'what it said\n'.repeat(20_000)).toBe(true);
    expect(child.status).toMatchObject({ reason: 'exit', code: 0 });
  });

  test('guests talk to each other, over TCP and with datagrams', async () => {
    const server = await spawn('net-echo', [LISTEN], 'read', 1);
    const port = await portOf(server);
    expect(
      await probe(
        [connecting(port)],
        'connect',
        'endpoint',
        '127.0.0.1',
        port,
        'send',
        'hi',
        'shutdown',
        2,
        'recv',
        2,
        10,
        'read',
        10,
        'send',
        'x',
      ),
    ).toEqual([
      `connect: SUCCESS 127.0.0.1 ${port}`,
      'send: SUCCESS',
      'shutdown: SUCCESS',
      'recv: SUCCESS 2 hi',
      'read: SUCCESS 0 ',
      'send: EPIPE',
    ]);
    await server.wait();
    const answers = await spawn('net-udp', [{ net: 'bind', host: '127.0.0.1', ports: 0 }], 'serve', '127.0.0.1', 0, 1);
    const [line] = (await once(answers.stdout!, 'data')) as [Buffer];
    const udp = Number(line.toString());
    const ask = await machine
      .process(guest('net-udp'))
      .capabilities([{ net: 'udp', host: '127.0.0.1', ports: udp }])
      .args(['ask', '127.0.0.1', String(udp), 'anyone?'])
      .run();
    expect([ask.stdout.toString(), ask.stderr.toString()]).toEqual([`127.0.0.1 ${udp}: anyone?\n`, '']);
    expect(await answers.wait()).toMatchObject({ reason: 'exit', code: 0 });
  });

  test('who may only send has no port of its choice, and hears from those alone that it sent to', async () => {
    const bind: Grant = { net: 'bind', host: '127.0.0.1', ports: '*' };
    const udp: Grant = { net: 'udp', host: '127.0.0.1', ports: '*' };
    expect(await probe([udp], 'bind', 'endpoint', '127.0.0.1', 0, 'bind', 'endpoint', '0.0.0.0', 5353)).toEqual([
      'bind: ENOTCAPABLE',
      'bind: ENOTCAPABLE',
    ]);
    const server = dgram.createSocket('udp4');
    const stranger = dgram.createSocket('udp4');
    server.on('message', (_bytes, from) => {
      stranger.send('stranger', from.port, '127.0.0.1', () => server.send('answer', from.port, '127.0.0.1'));
    });
    await new Promise<void>((resolve) => {
      server.bind(0, '127.0.0.1', resolve);
    });
    const { port } = server.address();
    expect(
      await probe([udp], 'bind', 'endpoint', '0.0.0.0', 0, 'nonblock', 'recvfrom', 10, 'sendto', '127.0.0.1', port, 'one'),
    ).toEqual([
      expect.stringMatching(/^bind: SUCCESS 0\.0\.0\.0 \d+$/),
      'nonblock: SUCCESS',
      'recvfrom: EAGAIN',
      'sendto: SUCCESS',
    ]);
    const hearing = ['bind', 'endpoint', '0.0.0.0', 0, 'sendto', '127.0.0.1', port, 'one', 'recvfrom', 10];
    expect((await probe([udp], ...hearing)).at(-1)).toBe(`recvfrom: SUCCESS 127.0.0.1 ${port} 6 answer`);
    // Who is bound but was granted no one to send to answers those it heard from, and nobody else.
    expect(
      await probe(
        [bind],
        'bind',
        'endpoint',
        '127.0.0.1',
        0,
        'sendto',
        '127.0.0.1',
        port,
        'two',
        'send',
        'x',
        'read',
        1,
        'recv',
        0,
        1,
      ),
    ).toEqual([
      expect.stringContaining('bind: SUCCESS'),
      'sendto: ENOTCAPABLE',
      'send: EDESTADDRREQ',
      'read: ENOTSUP',
      'recv: ENOTSUP',
    ]);
    server.close();
    stranger.close();
  });

  test('peeking leaves what it shows; waiting for all waits, until the end', async () => {
    await using there = await listener();
    const made = [connecting(there.port)] as const;
    const connect = ['connect', 'endpoint', '127.0.0.1', there.port];
    expect(
      await probe(
        made,
        ...connect,
        'send',
        'abcdef',
        'recv',
        1,
        3,
        'recv',
        3,
        2,
        'recv',
        2,
        6,
        'send',
        'xy',
        'shutdown',
        2,
        'recv',
        2,
        10,
        'recv',
        2,
        10,
      ),
    ).toEqual([
      `connect: SUCCESS 127.0.0.1 ${there.port}`,
      'send: SUCCESS',
      'recv: SUCCESS 3 abc',
      'recv: SUCCESS 2 ab',
      'recv: SUCCESS 6 abcdef',
      'send: SUCCESS',
      'shutdown: SUCCESS',
      'recv: SUCCESS 2 xy',
      'recv: SUCCESS 0 ',
    ]);
    expect(
      await probe(
        made,
        ...connect,
        'nonblock',
        'recv',
        0,
        1,
        'recv',
        2,
        1,
        'recv',
        1,
        1,
        'shutdown',
        0,
        'accept',
        'shutdown',
        1,
        'read',
        5,
        'close',
        'close',
      ),
    ).toEqual([
      `connect: SUCCESS 127.0.0.1 ${there.port}`,
      'nonblock: SUCCESS',
      'recv: EAGAIN',
      'recv: EAGAIN',
      'recv: EAGAIN',
      'shutdown: EINVAL',
      'accept: ENOTCAPABLE',
      'shutdown: SUCCESS',
      'read: SUCCESS 0 ',
      'close: SUCCESS',
      'close: EBADF',
    ]);
  });

  test('a listener is no connection', async () => {
    expect(await probe([LISTEN], 'use', 3, 'read', 1, 'recv', 2, 1, 'send', 'x', 'shutdown', 2, 'nonblock', 'accept')).toEqual([
      'use: SUCCESS',
      'read: ENOTCONN',
      'recv: ENOTCONN',
      'send: ENOTCAPABLE',
      'shutdown: ENOTCAPABLE',
      'nonblock: SUCCESS',
      'accept: EAGAIN',
    ]);
  });

  test('nobody there, a port that is taken, an address of others', async () => {
    const there = await listener();
    const { port } = there;
    expect(await probe([{ net: 'listen', host: '127.0.0.1', ports: '*' }], 'listen', 'endpoint', '127.0.0.1', port, 1)).toEqual([
      'listen: EADDRINUSE',
    ]);
    await expect(spawn('net-echo', [{ net: 'listen', host: '127.0.0.1', ports: port }])).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`net:listen:127.0.0.1:${port}: somebody listens there already: EADDRINUSE`),
    });
    await expect(spawn('net-echo', [{ net: 'listen', host: '192.0.2.1', ports: 0 }])).rejects.toThrow(
      'the address is none of this host: EADDRNOTAVAIL',
    );
    await there[Symbol.asyncDispose]();
    expect(await probe([connecting(port)], 'connect', 'endpoint', '127.0.0.1', port)).toEqual(['connect: ECONNREFUSED']);
  });

  test('the other end resets the connection', async () => {
    const server = net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    expect(
      await probe([connecting(port)], 'connect', 'endpoint', '127.0.0.1', port, 'send', 'x', 'read', 1, 'read', 1, 'send', 'x'),
    ).toEqual([`connect: SUCCESS 127.0.0.1 ${port}`, 'send: SUCCESS', 'read: ECONNRESET', 'read: SUCCESS 0 ', 'send: EPIPE']);
    server.close();
  });

  test('sockets count: descriptors, and what the host holds for them', async () => {
    await using there = await listener();
    const many = (limits: Parameters<ReturnType<Machine['process']>['limits']>[0]) =>
      machine
        .process(guest('net-probe'))
        .capabilities([connecting(there.port)])
        .limits(limits)
        .args(['many', '100', 'endpoint', '127.0.0.1', String(there.port)])
        .run();
    expect((await many({ fds: 10 })).stdout.toString()).toBe('many: EMFILE 7\n');
    expect((await many({ pipes: '1m' })).stdout.toString()).toBe('many: ENFILE 4\n');
  });

  test('what is waited for ends with the process', async () => {
    await using there = await listener();
    for (const args of [
      ['use', '3', 'accept'],
      ['connect', 'net:connect:127.0.0.1:*', '127.0.0.1', there.port, 'read', 1],
    ]) {
      const child = await spawn('net-probe', [LISTEN, connecting('*')], ...args);
      while (child.info().state !== 'blocked') await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
    }
  });

  test('a grant that is revoked takes its listener and every connection with it', async () => {
    const child = await spawn(
      'net-probe',
      [LISTEN],
      'use',
      3,
      'accept',
      'read',
      5,
      'read',
      5,
      'use',
      3,
      'accept',
      'listen',
      'endpoint',
      '127.0.0.1',
      0,
      1,
    );
    const port = await portOf(child);
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write('hello');
    const lines: string[] = [];
    child.stdout!.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    while (!lines.join('').includes('hello')) await once(child.stdout!, 'data');
    await child.revoke('net:listen:127.0.0.1:0');
    await once(child.stdout!, 'end');
    expect(lines.join('').trimEnd().split('\n').slice(2)).toEqual([
      'read: SUCCESS 5 hello',
      'read: EBADF',
      'use: SUCCESS',
      'accept: EBADF',
      'listen: ENOENT',
    ]);
    socket.resume();
    await closed;
  });

  test('a capability that is dropped is gone; a socket that came of it is not', async () => {
    await using there = await listener();
    const connect = ['connect', 'endpoint', '127.0.0.1', there.port];
    expect(
      await probe(
        [connecting(there.port)],
        ...connect,
        'drop',
        'endpoint',
        'find',
        'endpoint',
        ...connect,
        'send',
        'x',
        'recv',
        2,
        1,
      ),
    ).toEqual([
      `connect: SUCCESS 127.0.0.1 ${there.port}`,
      'drop: SUCCESS',
      'find: ENOENT',
      'connect: ENOENT',
      'send: SUCCESS',
      'recv: SUCCESS 1 x',
    ]);
  });
});
