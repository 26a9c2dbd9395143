// Row 25: the checked address is the one connected to. A name is looked up once; what it leads to is refused where it is
// private, of this host, of this link or the cloud's metadata, however it is written, unless the grant names that very address.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../src/hal/address.ts';
import type { Net, NetAddress } from '../../src/hal/net.ts';
import { nodeHal } from '../../src/hal/node/hal.ts';
import { type AuditEvent, type Grant, Machine } from '../../src/index.ts';
import { CPUS, guest } from '../machine/guests.ts';
import { listener, type NameServer, nameServer, type TestListener } from './networks.ts';

const METADATA = '169.254.169.254';

describe.each(CPUS)('%i threads', (cpus) => {
  let machine: Machine;
  let dns: NameServer;
  let here: TestListener;
  /** Names that change, once the first answer was given. */
  const REBINDING = { 'turns.example': [['192.0.2.7'], ['127.0.0.1']], 'granted.example': [['127.0.0.1'], [METADATA]] };

  beforeAll(async () => {
    here = await listener();
    dns = await nameServer({
      ...REBINDING,
      'loopback.example': [['127.0.0.1']],
      'loopback6.example': [['::1']],
      'metadata.example': [[METADATA]],
      'private.example': [['10.0.0.1'], ['192.168.0.1'], ['172.16.0.1']],
      'zero.example': [['0.0.0.0']],
      'zero6.example': [['::']],
      'mapped.example': [['::ffff:127.0.0.1']],
      'nat64.example': [['64:ff9b::127.0.0.1']],
      'compatible.example': [['::127.0.0.1']],
      'multicast.example': [['224.0.0.1']],
      'broadcast.example': [['255.255.255.255']],
      'mixed.example': [['10.0.0.1', '127.0.0.1', METADATA]],
    });
    machine = await Machine.boot({ cpus, dns: [dns.address] });
  });
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    await dns[Symbol.asyncDispose]();
    await here[Symbol.asyncDispose]();
  });

  const net = (host: string, ports: number | string = here.port): Grant => ({ net: 'connect', host, ports });

  /** What the prober says, line by line. */
  const probe = async (grants: readonly Grant[], ...args: (string | number)[]): Promise<string[]> => {
    const { stdout, stderr, status } = await machine
      .process(guest('net-probe'))
      .capabilities(grants)
      .args(args.map(String))
      .run();
    expect([status.reason, stderr.toString()]).toEqual(['exit', '']);
    return stdout.toString().trimEnd().split('\n');
  };
  const connecting = (host: string, port = here.port) => ['connect', 'endpoint', host, port] as const;

  test('an address that was granted is connected to', async () => {
    const before = here.came;
    expect(await probe([net('127.0.0.1')], ...connecting('127.0.0.1'), 'send', 'hello', 'recv', 2, 5)).toEqual([
      `connect: SUCCESS 127.0.0.1 ${here.port}`,
      'send: SUCCESS',
      'recv: SUCCESS 5 hello',
    ]);
    expect(here.came).toBe(before + 1);
  });

  test('without a grant there is nothing to connect with, and no number is one', async () => {
    const before = here.came;
    for (const number of [0, 1, 3, 2 ** 30, 2 ** 30 + 1, 2 ** 30 + 65_536, 0xffff_ffff])
      expect(await probe(['clock'], 'connect', number, '127.0.0.1', here.port)).toEqual([
        `connect: ${number === 2 ** 30 ? 'ENOTCAPABLE' : 'EBADF'}`,
      ]);
    const clock = 2 ** 30;
    const others = ['bind', clock, '127.0.0.1', 0, 'listen', clock, '127.0.0.1', 0, 1, 'resolve', clock, 'a.example'];
    expect(await probe(['clock'], ...others)).toEqual(['bind: ENOTCAPABLE', 'listen: ENOTCAPABLE', 'resolve: ENOTCAPABLE']);
    expect(await probe([], ...connecting('127.0.0.1'))).toEqual(['connect: ENOENT']);
    expect(here.came).toBe(before);
  });

  test('a name that everybody may reach never leads to this host, its link or its network', async () => {
    const before = here.came;
    const names = [
      'loopback',
      'loopback6',
      'metadata',
      'private',
      'private',
      'private',
      'zero',
      'zero6',
      'mapped',
      'nat64',
      'compatible',
      'multicast',
      'broadcast',
      'mixed',
    ];
    for (const name of names) {
      const host = `${name}.example`;
      for (const grant of [net(host), net('*.example'), net('*'), 'network'] as const)
        expect([name, grant, await probe([grant], ...connecting(host))]).toEqual([name, grant, ['connect: ENOTCAPABLE']]);
    }
    expect(here.came).toBe(before);
  });

  test('an address is not what a name or * stands for, however it is written', async () => {
    const before = here.came;
    const refused = [
      '127.0.0.1',
      '::1',
      METADATA,
      '10.0.0.1',
      '0.0.0.0',
      '::',
      '::ffff:127.0.0.1',
      '::FFFF:7F00:1',
      '::ffff:169.254.169.254',
      '::127.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      'fe80::1',
      '224.0.0.1',
      '255.255.255.255',
      '192.0.2.1',
    ];
    for (const host of refused)
      for (const grant of ['network', net('*'), net('*.example'), net('localhost')] as const)
        expect([host, await probe([grant], ...connecting(host))]).toEqual([host, ['connect: ENOTCAPABLE']]);
    const unreadable = [
      '127.1',
      '0177.0.0.1',
      '0x7f.0.0.1',
      '0x7f000001',
      '2130706433',
      '127.0.0.01',
      '127.0.0.1.',
      '::1%lo',
      '[::1]',
      '1.2.3',
      '',
      'a b',
      '127。0。0。1',
      'a..b',
    ];
    for (const host of unreadable)
      expect([host, await probe(['network', net('127.0.0.0/8')], ...connecting(host))]).toEqual([host, ['connect: EINVAL']]);
    expect(here.came).toBe(before);
  });

  test('0.0.0.0 is no name for this host, even where all of IPv4 is granted', async () => {
    const before = here.came;
    for (const host of ['0.0.0.0', '::', '::ffff:0.0.0.0'])
      expect(await probe([net('0.0.0.0/0')], ...connecting(host))).toEqual(['connect: ENOTCAPABLE']);
    expect(await probe([net('0.0.0.0')], ...connecting('0.0.0.0'))).toEqual(['connect: ENOTCAPABLE']);
    expect(here.came).toBe(before);
  });

  test('IPv4 within IPv6 is IPv4: granted so, connected so', async () => {
    expect(await probe([net('127.0.0.1')], ...connecting('::ffff:127.0.0.1'))).toEqual([
      `connect: SUCCESS 127.0.0.1 ${here.port}`,
    ]);
    expect(await probe([net('::ffff:127.0.0.1')], ...connecting('127.0.0.1'))).toEqual([
      `connect: SUCCESS 127.0.0.1 ${here.port}`,
    ]);
    expect(await probe([net('::/0')], ...connecting('::ffff:127.0.0.1'))).toEqual(['connect: ENOTCAPABLE']);
  });

  test('who names the address, or a network that it lies in, means it', async () => {
    for (const host of ['127.0.0.1', '127.0.0.0/8', '0.0.0.0/0'])
      expect(await probe([net(host)], ...connecting('127.0.0.1'))).toEqual([`connect: SUCCESS 127.0.0.1 ${here.port}`]);
    expect(await probe([net('10.0.0.0/8')], ...connecting('127.0.0.1'))).toEqual(['connect: ENOTCAPABLE']);
    expect(await probe([net('127.0.0.1', here.port + 1)], ...connecting('127.0.0.1'))).toEqual(['connect: ENOTCAPABLE']);
  });

  test('localhost names this host, and no resolver is asked', async () => {
    const asked = dns.asked.length;
    for (const host of ['localhost', 'LocalHost.'])
      expect(await probe([net('localhost')], ...connecting(host))).toEqual([`connect: SUCCESS 127.0.0.1 ${here.port}`]);
    expect(await probe([net('*')], ...connecting('localhost'))).toEqual(['connect: ENOTCAPABLE']);
    expect(dns.asked.length).toBe(asked);
  });

  test('a name is looked up once for a connection, and not at all where it was not granted', async () => {
    const before = dns.asked.length;
    expect(await probe([net('other.example'), net('*.example.org')], ...connecting('turns.example'))).toEqual([
      'connect: ENOTCAPABLE',
    ]);
    expect(await probe([net('turns.example', 1)], ...connecting('turns.example'))).toEqual(['connect: ENOTCAPABLE']);
    expect(dns.asked.length).toBe(before);
    await probe([net('loopback.example')], ...connecting('loopback.example'));
    expect(dns.asked.slice(before)).toEqual(['loopback.example']);
  });

  test('a name that changes between its check and its use is what it was when it was checked', async () => {
    const came = here.came;
    const asked = dns.asked.length;
    // The first answer is no global address and is refused; the second would lead here.
    expect(await probe([net('*')], ...connecting('turns.example'), ...connecting('turns.example'))).toEqual([
      'connect: ENOTCAPABLE',
      'connect: ENOTCAPABLE',
    ]);
    expect(dns.asked.slice(asked)).toEqual(['turns.example', 'turns.example']);
    // The grant of an address is no grant of names that lead to it.
    expect(await probe([net('127.0.0.1')], ...connecting('granted.example'))).toEqual(['connect: ENOTCAPABLE']);
    expect(here.came).toBe(came);
  });

  test('datagrams go no other way', async () => {
    const udp = (host: string): Grant => ({ net: 'udp', host, ports: here.port });
    for (const host of ['loopback.example', 'metadata.example', '127.0.0.1', '::ffff:127.0.0.1', '0.0.0.0', '255.255.255.255'])
      expect([host, await probe([udp('*')], 'bind', 'endpoint', '0.0.0.0', 0, 'sendto', host, here.port, 'x')]).toEqual([
        host,
        [expect.stringContaining('bind: SUCCESS'), 'sendto: ENOTCAPABLE'],
      ]);
  });

  test('what a name leads to is known to those alone who may ask', async () => {
    expect(await probe([net('loopback.example')], 'resolve', 'endpoint', 'loopback.example')).toEqual([
      'resolve: SUCCESS 127.0.0.1',
    ]);
    expect(await probe([{ net: 'resolve', host: '*.example' }], 'resolve', 'endpoint', 'metadata.example')).toEqual([
      `resolve: SUCCESS ${METADATA}`,
    ]);
    const asked = dns.asked.length;
    expect(await probe([{ net: 'listen', host: '127.0.0.1', ports: 0 }], 'resolve', 'endpoint', 'metadata.example')).toEqual([
      'resolve: ENOTCAPABLE',
    ]);
    expect(await probe([{ net: 'resolve', host: 'a.example' }], 'resolve', 'endpoint', 'b.example')).toEqual([
      'resolve: ENOTCAPABLE',
    ]);
    expect(await probe([{ net: 'resolve', host: '*' }], ...connecting('loopback.example'))).toEqual(['connect: ENOTCAPABLE']);
    expect(dns.asked.length).toBe(asked);
    expect(await probe([{ net: 'resolve', host: '*' }], 'resolve', 'endpoint', 'nobody.example')).toEqual(['resolve: ENOENT']);
  });

  test('an address of this host is taken by who was granted it', async () => {
    const listen: Grant = { net: 'listen', host: '127.0.0.0/8', ports: 0 };
    expect(
      await probe(
        [listen],
        'listen',
        'endpoint',
        '0.0.0.0',
        0,
        1,
        'listen',
        'endpoint',
        '::',
        0,
        1,
        'listen',
        'endpoint',
        'localhost',
        0,
        1,
      ),
    ).toEqual(['listen: ENOTCAPABLE', 'listen: ENOTCAPABLE', 'listen: EINVAL']);
    expect(await probe([listen], 'listen', 'endpoint', '127.0.0.1', 1, 1, 'bind', 'endpoint', '127.0.0.1', 0)).toEqual([
      'listen: ENOTCAPABLE',
      'bind: ENOTCAPABLE',
    ]);
    expect(await probe([listen], 'listen', 'endpoint', '127.0.0.1', 0, 1)).toEqual([
      expect.stringMatching(/^listen: SUCCESS 127\.0\.0\.1 \d+$/),
    ]);
    expect(await probe([net('127.0.0.1')], 'listen', 'endpoint', '127.0.0.1', 0, 1)).toEqual(['listen: ENOTCAPABLE']);
    expect(await probe([listen], ...connecting('127.0.0.1'))).toEqual(['connect: ENOTCAPABLE']);
  });
});

test('the connection goes to the address that was checked, though the name has another one by then', async () => {
  await using here = await listener();
  await using dns = await nameServer({ 'turns.example': [['8.8.8.8'], ['127.0.0.1']] });
  const hal = nodeHal({ net: { servers: [dns.address] } });
  const { disk, net } = await hal.devices();
  const used: string[] = [];
  // Whatever is connected to is written down, and led to the listener here.
  const connect = ({ address }: NetAddress) => {
    used.push(formatAddress(address));
    return net.connect({ address: parseAddress('127.0.0.1')!, port: here.port });
  };
  const watched: Net = {
    connect,
    listen: (at, backlog) => net.listen(at, backlog),
    bind: (at, accepts) => net.bind(at, accepts),
    resolve: (name) => net.resolve(name),
    close: (forced) => net.close(forced),
  };
  await using machine = await Machine.boot({ cpus: 0, hal: { ...hal, devices: async () => ({ disk, net: watched }) } });
  const args = ['connect', 'endpoint', 'turns.example', '443', 'connect', 'endpoint', 'turns.example', '443'];
  const { stdout } = await machine.process(guest('net-probe')).capabilities(['net:connect:*.example:443']).args(args).run();
  expect(stdout.toString()).toBe(`connect: SUCCESS 127.0.0.1 ${here.port}\nconnect: ENOTCAPABLE\n`);
  expect([dns.asked, used, here.came]).toEqual([['turns.example', 'turns.example'], ['8.8.8.8'], 1]);
});

test('an address that a name must not lead to is told to whoever audits', async () => {
  await using dns = await nameServer({ 'metadata.example': [[METADATA]] });
  const events: AuditEvent[] = [];
  await using machine = await Machine.boot({ cpus: 0, dns: [dns.address], audit: { record: (event) => events.push(event) } });
  const probe = machine.process(guest('net-probe')).capabilities(['net:connect:*:80']);
  await probe.args(['connect', 'endpoint', 'metadata.example', '80', 'connect', 'endpoint', METADATA, '80']).run();
  expect(events.filter(({ what, call }) => what === 'refuse' && call === 'net_connect')).toMatchObject([
    { program: 'net-probe.wasm', host: 'metadata.example', port: 80, addresses: METADATA },
    { program: 'net-probe.wasm', why: 'no capability of the process allows it' },
  ]);
});
