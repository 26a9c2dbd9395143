import { afterEach, describe, expect, test } from 'vitest';
import { type Address, formatAddress, parseAddress } from '../../src/hal/address.ts';
import type { NetListener, NetStream } from '../../src/hal/net.ts';
import { failed, onNode, simulated, type TestNet, until } from './nets.ts';

const LOOPBACK: Address = parseAddress('127.0.0.1')!;
const at = (port: number) => ({ address: LOOPBACK, port });

const worlds: Record<string, () => TestNet> = {
  node: onNode,
  simulated: () => simulated(1),
  'simulated, with short transfers and delays': () => simulated(7, { short: 0.4, again: 0.4 }),
};

describe.each(Object.entries(worlds))('%s', (_name, make) => {
  let world: TestNet | undefined;
  const start = () => {
    world = make();
    return world;
  };
  afterEach(async () => {
    await world?.net.close(true);
    world = undefined;
  });

  function opened<T>(result: T): Exclude<T, string> {
    if (failed(result)) throw new Error(result);
    return result as Exclude<T, string>;
  }

  const listening = async (w: TestNet, backlog = 8): Promise<NetListener> => {
    const listener = opened(w.net.listen(at(0), backlog));
    expect(await until(w, listener, 'write', () => listener.state)).toBeUndefined();
    return listener;
  };

  const joined = async (w: TestNet): Promise<[NetStream, NetStream, NetListener]> => {
    const listener = await listening(w);
    const client = opened(w.net.connect(listener.local!));
    expect(await until(w, client, 'write', () => client.state)).toBeUndefined();
    const server = opened(await until(w, listener, 'read', () => listener.accept()));
    return [client, server, listener];
  };

  const send = async (w: TestNet, stream: NetStream, bytes: Uint8Array) => {
    for (let sent = 0; sent < bytes.length; ) {
      const count = await until(w, stream, 'write', () => stream.write(bytes, sent, bytes.length - sent));
      if (typeof count !== 'number') return count;
      sent += count;
    }
    return undefined;
  };

  const receive = async (w: TestNet, stream: NetStream, most = Number.POSITIVE_INFINITY) => {
    const bytes: number[] = [];
    const into = new Uint8Array(10_000);
    while (bytes.length < most) {
      const count = await until(w, stream, 'read', () => stream.read(into, 0, Math.min(into.length, most - bytes.length)));
      if (typeof count !== 'number') return count;
      if (count === 0) break;
      bytes.push(...into.subarray(0, count));
    }
    return Uint8Array.from(bytes);
  };

  test('a connection carries bytes both ways, and each direction ends by itself', async () => {
    const w = start();
    const [client, server, listener] = await joined(w);
    expect(client.remote).toEqual(listener.local);
    expect(server.local).toEqual(listener.local);
    expect(server.remote).toEqual(client.local);
    const sent = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) >> 3);
    const [, got] = await Promise.all([
      (async () => {
        await send(w, client, sent);
        client.shutdown(false, true);
      })(),
      receive(w, server),
    ]);
    expect(failed(got) ? got : Buffer.compare(got, sent)).toBe(0);
    expect(client.write(sent, 0, 1)).toBe('PIPE');
    expect(await send(w, server, Uint8Array.of(1, 2, 3))).toBeUndefined();
    server.close();
    expect(await receive(w, client)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('peeking leaves what it shows', async () => {
    const w = start();
    const [client, server] = await joined(w);
    await send(w, client, Uint8Array.of(5, 6, 7));
    const into = new Uint8Array(2);
    const peeked = await until(w, server, 'read', () => server.read(into, 0, 2, true));
    expect(peeked).toBeGreaterThan(0);
    expect(into[0]).toBe(5);
    expect(await receive(w, server, 3)).toEqual(Uint8Array.of(5, 6, 7));
  });

  test('who does not read holds up who writes, within a bound, and nothing is lost', async () => {
    const w = start();
    const [client, server] = await joined(w);
    const block = new Uint8Array(65_536).fill(9);
    let written = 0;
    let idle = 0;
    // The host's own buffers are filled too, which takes turns of its event loop.
    while (idle < 50 && written < 2 ** 26) {
      const count = client.write(block, 0, block.length);
      if (typeof count === 'number') written += count;
      idle = count === 'AGAIN' ? idle + 1 : 0;
      await w.wait(new Promise<void>((resolve) => setImmediate(resolve)));
      if ('hal' in w) break;
    }
    expect(written).toBeLessThan(2 ** 26);
    expect(server.available).toBeLessThanOrEqual(2 * 65_536);
    const got = await receive(w, server, written);
    expect(got.length).toBe(written);
  });

  test('closing is idempotent, tells when it is over, and the other end reads the end', async () => {
    const w = start();
    const [client, server, listener] = await joined(w);
    await w.wait(new Promise<void>((resolve) => client.close(resolve)));
    await w.wait(new Promise<void>((resolve) => client.close(resolve)));
    expect(client.read(new Uint8Array(1), 0, 1)).toBe('BADF');
    expect(await receive(w, server)).toEqual(new Uint8Array(0));
    listener.close();
    listener.close();
    expect(listener.accept()).toBe('BADF');
    const refused = opened(w.net.connect(listener.local!));
    expect(await until(w, refused, 'write', () => refused.state)).toBe('CONNREFUSED');
  });

  test('a port is taken once', async () => {
    const w = start();
    const listener = await listening(w);
    const second = w.net.listen(listener.local!, 1);
    expect(failed(second) ? second : await until(w, second, 'write', () => second.state)).toBe('ADDRINUSE');
  });

  test('more connections than the backlog holds are reset', async () => {
    const w = start();
    const listener = await listening(w, 2);
    const clients = Array.from({ length: 6 }, () => opened(w.net.connect(listener.local!)));
    const into = new Uint8Array(1);
    // Those that fit wait for data that nobody sends; the others come to an end.
    const ends = clients.map((client) => until(w, client, 'read', () => client.read(into, 0, 1)));
    let over = 0;
    const enough = Promise.withResolvers<void>();
    for (const end of ends) {
      end.then(() => {
        if (++over === 4) enough.resolve();
      });
    }
    await w.wait(enough.promise);
    expect(over).toBe(4);
    const taken = [
      await until(w, listener, 'read', () => listener.accept()),
      await until(w, listener, 'read', () => listener.accept()),
    ];
    expect(taken.some(failed)).toBe(false);
  });

  test('datagrams go to whoever is bound, who learns where they came from, and takes those it wants', async () => {
    const w = start();
    const server = opened(w.net.bind(at(0), () => true));
    expect(await until(w, server, 'write', () => server.state)).toBeUndefined();
    const client = opened(w.net.bind(at(0), ({ port }) => port === server.local!.port));
    const other = opened(w.net.bind(at(0), () => true));
    for (const one of [client, other]) expect(await until(w, one, 'write', () => one.state)).toBeUndefined();
    expect(client.send(server.local!, Uint8Array.of(1, 2))).toBe(2);
    const got = await until(w, server, 'read', () => server.receive());
    expect(got).toMatchObject({ from: client.local });
    expect(failed(got) ? got : [...got.bytes]).toEqual([1, 2]);
    expect(other.send(client.local!, Uint8Array.of(6, 6, 6))).toBe(3);
    expect(server.send(client.local!, new Uint8Array(0))).toBe(0);
    expect(await until(w, client, 'read', () => client.receive())).toMatchObject({ from: server.local, bytes: { length: 0 } });
    expect(client.send(server.local!, new Uint8Array(65_508))).toBe('MSGSIZE');
    expect(client.send({ address: parseAddress('::1')!, port: 1 }, Uint8Array.of(1))).toBe('AFNOSUPPORT');
    client.close();
    client.close();
    expect(client.receive()).toBe('BADF');
  });

  test('once it is closed nothing is left open', async () => {
    const w = start();
    const [client, server] = await joined(w);
    await w.wait(w.net.close(false));
    expect([client.read(new Uint8Array(1), 0, 1), server.write(new Uint8Array(1), 0, 1)]).toEqual(['BADF', 'BADF']);
  });
});

test('an address that is not of this host cannot be listened on', async () => {
  const w = onNode();
  const listener = w.net.listen({ address: parseAddress('192.0.2.1')!, port: 0 }, 1);
  expect(failed(listener) ? listener : await until(w, listener, 'write', () => listener.state)).toBe('ADDRNOTAVAIL');
  const socket = w.net.bind({ address: parseAddress('192.0.2.1')!, port: 0 }, () => true);
  expect(failed(socket) ? socket : await until(w, socket, 'write', () => socket.state)).toBe('ADDRNOTAVAIL');
});

test('localhost is this host, whatever a resolver says', () => {
  const { net } = onNode();
  for (const name of ['localhost', 'a.localhost'])
    expect((net.resolve(name).answer as readonly Address[]).map(formatAddress)).toEqual(['127.0.0.1', '::1']);
});

test('a name has the answers that a simulation gives it, one after the other', async () => {
  const { net, hal, wait } = simulated(3);
  hal.net.answer('a.example', ['192.0.2.1'], ['127.0.0.1', '::1']);
  const seen: unknown[] = [];
  for (const name of ['a.example', 'a.example', 'a.example', 'b.example']) {
    const question = net.resolve(name);
    await wait(question.done);
    seen.push(failed(question.answer) ? question.answer : (question.answer as readonly Address[]).map(formatAddress));
  }
  expect(seen).toEqual([['192.0.2.1'], ['127.0.0.1', '::1'], ['127.0.0.1', '::1'], 'NOENT']);
});

test('the same seed gives the same run', async () => {
  const run = async (seed: number) => {
    const w = simulated(seed, { refused: 0.3, reset: 0.2, short: 0.3, again: 0.3 });
    const trace: unknown[] = [];
    const listener = w.net.listen(at(1), 4);
    if (failed(listener)) return listener;
    for (let i = 0; i < 20; i++) {
      const client = w.net.connect(at(1));
      if (failed(client)) return client;
      trace.push(await until(w, client, 'write', () => client.state));
      trace.push(client.write(new Uint8Array(100), 0, 100), w.hal.timeline.nowNs);
      client.close();
      const server = listener.accept();
      if (!failed(server)) server.close();
    }
    return trace;
  };
  expect(await run(5)).toEqual(await run(5));
  expect(await run(5)).not.toEqual(await run(6));
});
