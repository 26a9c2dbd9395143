// Sockets of real guests on a simulated network: connections that are refused and reset, short transfers, lost time, and
// processes that are killed anywhere. Whatever happens, nothing stays open and nothing stays charged; one seed gives one run.
import fs from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import {
  ENDPOINT_INHERITING,
  Endpoint,
  LISTENER_RIGHTS,
  NET_RIGHT,
  type NetUse,
  SOCKET_RIGHTS,
} from '../../src/caps/endpoint.ts';
import { parseHost, parsePorts } from '../../src/caps/pattern.ts';
import { Listener } from '../../src/caps/socket.ts';
import { parseAddress } from '../../src/hal/address.ts';
import type { Faults } from '../../src/hal/sim/faults.ts';
import type { SimHal } from '../../src/hal/sim/hal.ts';
import { Random } from '../../src/hal/sim/random.ts';
import { loadProgram, type Program } from '../../src/runtime/program.ts';
import { drained, runUntil, simulated } from '../kernel/machine.ts';
import { guest } from '../machine/guests.ts';

const PORT = 7;
let echo: Program;
let probe: Program;
beforeAll(async () => {
  [echo, probe] = (await Promise.all(['net-echo', 'net-probe'].map((name) => loadProgram(fs.readFileSync(guest(name)))))) as [
    Program,
    Program,
  ];
});

const at = (port: number) => ({ address: parseAddress('127.0.0.1')!, port });

const connecting = ({ net }: SimHal, host: string, ports = '*'): Capability<Endpoint> => {
  const rule = { use: 'connect', host: parseHost(host), ports: parsePorts(ports) } as const;
  return new Capability(new Endpoint(net, [rule]), NET_RIGHT.connect, ENDPOINT_INHERITING, undefined, host);
};

function preopened({ net }: SimHal, port = PORT): Capability {
  const listener = net.listen(at(port), 16);
  if (typeof listener === 'string') throw new Error(listener);
  return new Capability(new Listener(listener), LISTENER_RIGHTS, SOCKET_RIGHTS);
}

const FAULTS: Partial<Faults> = { short: 0.3, again: 0.3, reset: 0.01, refused: 0.2 };

/** Twenty clients of one server, each with a fate of its own: what they said, and when. */
async function run(seed: number): Promise<string[]> {
  const { hal, spawn } = simulated({ seed, faults: FAULTS, shuffle: true });
  const random = new Random(seed);
  const server = spawn(echo, { args: ['poll', '1000'], descriptors: [preopened(hal)] });
  const clients = Array.from({ length: 20 }, (_, i) => {
    const connect = ['connect', 'endpoint', '127.0.0.1', String(PORT)];
    const args = [...connect, 'send', `hello from ${i}`, 'recv', '0', '20', 'shutdown', '2', 'recv', '2', '20', 'close'];
    const spawned = spawn(probe, { args, handles: [connecting(hal, '127.0.0.1')] });
    if (random.chance(0.3)) hal.timeline.add(random.below(400_000), () => spawned.process.signal('SIGKILL'));
    return spawned;
  });
  await runUntil(hal, () => clients.every(({ process }) => process.status !== undefined));
  server.process.signal('SIGKILL');
  await runUntil(hal, () => server.process.status !== undefined);
  await hal.timeline.run();
  for (const { process } of [server, ...clients]) {
    const { pipes, fds } = process.getLimits();
    expect([process.status?.reason, pipes.used, fds.used]).toEqual([expect.stringMatching(/^(exit|signal)$/), 0, 0]);
  }
  expect(hal.net.open.size).toBe(0);
  return [...clients.map(({ process, stdout }) => `${process.status?.reason} ${drained(stdout)}`), String(hal.timeline.nowNs)];
}

test('whatever fails, and whoever is killed: nothing stays open, nothing stays charged', async () => {
  const all: string[] = [];
  for (let seed = 1; seed <= 40; seed++) all.push(...(await run(seed)));
  const text = all.join('\n');
  // All of it came about.
  for (const fate of ['signal', 'connect: ECONNREFUSED', 'recv: ECONNRESET', 'send: SUCCESS', 'hello from 7', 'close: SUCCESS'])
    expect(text).toContain(fate);
});

test('the same seed gives the same run', async () => {
  expect(await run(5)).toEqual(await run(5));
  expect(await run(5)).not.toEqual(await run(6));
});

describe('names', () => {
  const ask = async (grant: string, answers: readonly (readonly string[])[], host = 'a.example'): Promise<string> => {
    const { hal, spawn } = simulated();
    hal.net.answer('a.example', ...answers);
    hal.net.silent.add('1.1.1.1');
    for (const address of ['127.0.0.1', '8.8.8.8', '2606:4700::1'])
      hal.net.listen({ address: parseAddress(address)!, port: PORT }, 1);
    const child = spawn(probe, { args: ['connect', 'endpoint', host, String(PORT)], handles: [connecting(hal, grant)] });
    await runUntil(hal, () => child.process.status !== undefined);
    return drained(child.stdout).trimEnd();
  };

  test('the addresses of one answer are tried in turn, those alone that may be used', async () => {
    expect(await ask('a.example', [['8.8.8.8']])).toBe('connect: SUCCESS 8.8.8.8 7');
    expect(await ask('a.example', [['127.0.0.1', '9.9.9.9', '2606:4700::1']])).toBe('connect: SUCCESS 2606:4700::1 7');
    // Nothing is ever heard from the first one.
    expect(await ask('a.example', [['1.1.1.1', '8.8.8.8']])).toBe('connect: SUCCESS 8.8.8.8 7');
    expect(await ask('a.example', [['9.9.9.9'], ['8.8.8.8']])).toBe('connect: ECONNREFUSED');
    expect(await ask('a.example', [['127.0.0.1'], ['8.8.8.8']])).toBe('connect: ENOTCAPABLE');
    expect(await ask('a.example', [[]])).toBe('connect: ENOENT');
  });

  test('one that is asked for goes on for as long as the endpoint is held', async () => {
    const { hal, spawn } = simulated();
    hal.net.answer('a.example', ['8.8.8.8']);
    const root = connecting(hal, '*');
    const child = spawn(probe, {
      args: ['connect', 'endpoint', 'a.example', '7'],
      handles: [root.derive(root.rights, root.inheriting)],
    });
    await runUntil(hal, () => child.process.state === 'blocked');
    root.revoke();
    await runUntil(hal, () => child.process.status !== undefined);
    expect(drained(child.stdout)).toBe('connect: EBADF\n');
    expect(hal.net.open.size).toBe(0);
  });

  test('a connection that is being made ends with the endpoint', async () => {
    const { hal, spawn } = simulated();
    hal.net.listen(at(PORT), 1);
    const root = connecting(hal, '127.0.0.1');
    const child = spawn(probe, {
      args: ['connect', 'endpoint', '127.0.0.1', String(PORT)],
      handles: [root.derive(root.rights, root.inheriting)],
    });
    await runUntil(hal, () => child.process.state === 'blocked');
    expect(child.process.getLimits().pipes.used).toBeGreaterThan(0);
    root.revoke();
    await runUntil(hal, () => child.process.status !== undefined);
    expect(drained(child.stdout)).toBe('connect: EBADF\n');
    expect(child.process.getLimits().pipes.used).toBe(0);
  });

  test('an endpoint with fewer rights does less, and one use is no other', async () => {
    const { hal, spawn } = simulated();
    hal.net.listen(at(PORT), 1);
    const rule = (use: NetUse) => ({ use, host: parseHost('127.0.0.1'), ports: parsePorts('*', 0) });
    const all = new Endpoint(hal.net, [rule('connect'), rule('udp'), rule('bind')]);
    const other = new Endpoint(hal.net, [rule('udp')]);
    const ask = async (endpoint: Endpoint, rights: number, ...args: (string | number)[]): Promise<string> => {
      const handles = [new Capability(endpoint.retain(), rights, ENDPOINT_INHERITING)];
      const child = spawn(probe, { args: args.map(String), handles });
      await runUntil(hal, () => child.process.status !== undefined);
      return drained(child.stdout)
        .replaceAll(/: SUCCESS .*/g, ': SUCCESS')
        .trimEnd();
    };
    const connect = ['connect', 'endpoint', '127.0.0.1', PORT];
    const send = ['bind', 'endpoint', '127.0.0.1', 0, 'sendto', '127.0.0.1', 99, 'x'];
    expect(await ask(all, NET_RIGHT.connect, ...connect)).toBe('connect: SUCCESS');
    expect(await ask(all, NET_RIGHT.listen, ...connect)).toBe('connect: ENOTCAPABLE');
    expect(await ask(other, NET_RIGHT.connect, ...connect)).toBe('connect: ENOTCAPABLE');
    expect(await ask(all, NET_RIGHT.bind | NET_RIGHT.udp, ...send)).toBe('bind: SUCCESS\nsendto: SUCCESS');
    expect(await ask(all, NET_RIGHT.bind, ...send)).toBe('bind: SUCCESS\nsendto: ENOTCAPABLE');
    expect(await ask(all, NET_RIGHT.udp, ...send)).toBe('bind: ENOTCAPABLE\nsendto: ENOTCAPABLE');
  });
});
