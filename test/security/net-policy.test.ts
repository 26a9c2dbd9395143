// Rules about hosts and ports: a name is judged by the addresses that it stands for, those that are connected to.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Grant, Machine, type Question } from '../../src/index.ts';
import { CPUS, guest } from '../machine/guests.ts';
import { listener, type NameServer, nameServer, type TestListener } from './networks.ts';

describe.each(CPUS)('%i threads', (cpus) => {
  let machine: Machine;
  let here: TestListener;
  beforeAll(async () => {
    here = await listener();
    machine = await Machine.boot({ cpus });
  });
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    await here[Symbol.asyncDispose]();
  });

  /** What connecting to `host` gives under these rules about net_connect. */
  async function connect(host: string, rules: string, notify?: (question: Question) => boolean) {
    const grants: Grant[] = [{ net: 'connect', host: host === 'localhost' ? host : '127.0.0.1', ports: here.port }];
    const { stdout, status } = await machine
      .process(guest('net-probe'))
      .capabilities(grants)
      .policy({ text: `process: { ${rules} }` }, notify && { notify })
      .args(['connect', 'endpoint', host, String(here.port)])
      .run();
    return {
      line: stdout
        .toString()
        .trimEnd()
        .replace(/ 127.*/, ''),
      refused: status.refused,
    };
  }

  const allowed = (when: string) =>
    `allowed_syscalls: ["@args", "@io", "@fd", cap_find, net_address, { call: net_connect, when: ${when} }]`;
  const denied = (when: string) => `denied_syscalls: [{ call: net_connect, when: ${when} }]`;

  test.each([
    ['localhost', allowed('{ host: localhost }'), 'SUCCESS'],
    ['localhost', allowed('{ host: ["127.0.0.0/8", "::1"] }'), 'SUCCESS'],
    ['127.0.0.1', allowed('{ host: "127.0.0.0/8" }'), 'SUCCESS'],
    ['127.0.0.1', allowed('{ host: localhost }'), 'EPERM'],
    ['localhost', allowed('{ host: "10.0.0.0/8" }'), 'EPERM'],
    ['localhost', allowed('{ host: localhost, port: 1 }'), 'EPERM'],
    ['localhost', allowed('{ host: [localhost, "!127.0.0.1"] }'), 'EPERM'],
    ['localhost', denied('{ host: "127.0.0.1" }'), 'EPERM'],
    ['127.0.0.1', denied('{ host: "127.0.0.1" }'), 'EPERM'],
    ['::ffff:127.0.0.1', denied('{ host: "127.0.0.1" }'), 'EPERM'],
    ['localhost', denied('{ host: "10.0.0.1" }'), 'SUCCESS'],
    ['localhost', denied('{ port: "1-65535" }'), 'EPERM'],
    ['localhost', 'denied_syscalls: [net_connect]', 'EPERM'],
    ['localhost', 'denied_syscalls: ["@net"]', 'EPERM'],
  ])('%s under %s', async (host, rules, expected) => {
    const { came } = here;
    const { line, refused } = await connect(host, rules);
    expect(line).toBe(`connect: ${expected}`);
    // The host may hear of a connection after the guest has ended.
    await expect.poll(() => here.came - came).toBe(expected === 'SUCCESS' ? 1 : 0);
    if (expected === 'EPERM') expect(refused).toMatchObject([{ call: 'net_connect' }]);
    else expect(refused).toBeUndefined();
  });

  test.each([true, false])('who is asked sees the addresses, and answers %s', async (answer) => {
    const questions: Question[] = [];
    const { line } = await connect(
      'localhost',
      'allowed_syscalls: ["@args", "@io", "@fd", cap_find, net_address, { call: net_connect, action: notify }]',
      (question) => {
        questions.push(question);
        return answer;
      },
    );
    expect(line).toBe(answer ? 'connect: SUCCESS' : 'connect: EPERM');
    expect(questions.map(({ facts }) => facts)).toEqual([
      { host: 'localhost', addresses: expect.arrayContaining(['127.0.0.1']), port: here.port },
    ]);
  });
});

test('who is asked for a name is asked once, before it is looked up', async () => {
  await using names = await nameServer({ 'api.example.org': [['93.184.216.35']] });
  await using machine = await Machine.boot({ cpus: 0, dns: [names.address] });
  const questions: Question[] = [];
  const resolve = async (answer: boolean) => {
    const asking = 'allowed_syscalls: ["@args", "@io", "@fd", cap_find, { call: net_resolve, action: notify }]';
    const { stdout } = await machine
      .process(guest('net-probe'))
      .capabilities(['net:resolve:*'])
      .policy(
        { text: `process: { ${asking} }` },
        {
          notify: (question) => {
            questions.push(question);
            return answer;
          },
        },
      )
      .args(['resolve', 'endpoint', 'api.example.org'])
      .run();
    return stdout.toString();
  };
  expect(await resolve(false)).toContain('EPERM');
  expect(names.asked).toEqual([]);
  expect(await resolve(true)).toContain('93.184.216.35');
  expect(questions.map(({ facts }) => facts)).toEqual([{ host: 'api.example.org' }, { host: 'api.example.org' }]);
});

describe.each(CPUS)('names that a policy refuses are not looked up: %i threads', (cpus) => {
  let machine: Machine;
  let names: NameServer;
  beforeAll(async () => {
    names = await nameServer({ 'secret.example.com': [['93.184.216.34']], 'api.example.org': [['93.184.216.35']] });
    machine = await Machine.boot({ cpus, dns: [names.address] });
  });
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    await names[Symbol.asyncDispose]();
  });

  const CALLS = '[net_connect, net_send_to, net_resolve]';
  const allowlist = (host: string) => `allowed_syscalls: ["@args", "@fd", fd_write, cap_find, net_bind, net_address,
    { calls: ${CALLS}, when: { host: ${host} } }]`;
  const denylist = (host: string) => `denied_syscalls: [{ calls: ${CALLS}, when: { host: ${host} } }]`;
  const run = (args: readonly string[], rules: string, mode: 'enforce' | 'audit' = 'enforce') =>
    machine
      .process(guest('net-probe'))
      .capabilities(['network'])
      .policy({ text: `process: { ${rules} }` }, { mode })
      .args(args)
      .limits({ timeout: '5s' })
      .run();
  const asked = async (...how: Parameters<typeof run>) => {
    const before = names.asked.length;
    const { stdout, status } = await run(...how);
    return { names: names.asked.slice(before), last: stdout.toString().trim().split('\n').at(-1), refused: status.refused };
  };

  const USES = [
    ['net_resolve', ['resolve', 'endpoint', 'secret.example.com']],
    ['net_connect', ['connect', 'endpoint', 'secret.example.com', '1']],
    ['net_send_to', ['bind', 'endpoint', '0.0.0.0', '0', 'sendto', 'secret.example.com', '9', 'hi']],
  ] as const;

  test.each(USES)('%s', async (call, args) => {
    for (const rules of [allowlist('api.example.org'), denylist('"*.example.com"')])
      expect(await asked(args, rules)).toMatchObject({
        names: [],
        last: expect.stringContaining('EPERM'),
        refused: [{ call, facts: { host: 'secret.example.com' }, count: 1 }],
      });
  });

  test('one that its addresses may be allowed by is, and one that is only told of', async () => {
    const [, connect] = USES[1];
    const some = await asked(connect, allowlist('["10.0.0.0/8"]'));
    expect(some).toMatchObject({ names: ['secret.example.com'], last: expect.stringContaining('EPERM') });
    const told = await asked(connect, denylist('"*.example.com"'), 'audit');
    expect(told).toMatchObject({ names: ['secret.example.com'], refused: [{ call: 'net_connect', count: 1 }] });
    expect(told.last).not.toContain('EPERM');
  });
});
