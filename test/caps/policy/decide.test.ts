import { describe, expect, test } from 'vitest';
import { could, decide, outlook, strictness } from '../../../src/caps/policy/decide.ts';
import { grantsOf, narrow } from '../../../src/caps/policy/narrow.ts';
import type { Facts, Policy } from '../../../src/caps/policy/policy.ts';
import { remedy } from '../../../src/caps/policy/remedy.ts';
import { Random } from '../../../src/hal/sim/random.ts';
import { layer, place, policy, rule, when } from './build.ts';
import { document, facts, pick } from './generate.ts';
import { parse } from './parse.ts';

const says = (one: Policy, call: string, facts: Facts = {}) => decide(one, call, facts).action.do;

describe('within a layer', () => {
  test('without a list all is allowed that is not denied', () => {
    const one = policy(layer(undefined, [rule('fd_write', 'errno')]));
    expect(says(one, 'fd_read')).toBe('allow');
    expect(says(one, 'fd_write')).toBe('errno');
  });

  test('an empty list allows nothing, but to end', () => {
    const one = policy(layer([]));
    expect(says(one, 'fd_read')).toBe('errno');
    expect(says(one, 'proc_exit')).toBe('allow');
    expect(says(policy(layer(undefined, [rule('proc_exit', 'kill')])), 'proc_exit')).toBe('allow');
  });

  test('what is denied wins over what is allowed, the strictest of it', () => {
    const one = policy(
      layer([rule('fd_read')], [rule('fd_read', 'errno', [], 1), rule('fd_read', 'kill', [], 2), rule('fd_read', 'kill', [], 3)]),
    );
    expect(decide(one, 'fd_read', {})).toMatchObject({ action: { do: 'kill' }, place: { line: 2 } });
  });

  test('the most permissive of what is allowed wins', () => {
    const one = policy(layer([rule('fd_read', 'notify'), rule('fd_read', 'log', [], 7), rule('fd_read', 'notify')]));
    expect(decide(one, 'fd_read', {})).toMatchObject({ action: { do: 'log' }, place: { line: 7 } });
  });

  test('the default says what becomes of the rest', () => {
    expect(says(policy(layer([], [], { do: 'kill' })), 'fd_read')).toBe('kill');
    expect(says(policy(layer([], [rule('fd_read', 'errno')], { do: 'kill' })), 'fd_read')).toBe('errno');
  });
});

test('the strictest layer wins, the first among equals', () => {
  const one = policy(layer([rule('fd_read')]), layer([rule('fd_read', 'log')]), layer(undefined, [rule('fd_write', 'trap')]));
  expect(says(one, 'fd_read')).toBe('log');
  expect(says(one, 'fd_write')).toBe('trap');
  expect(decide(one, 'fd_tell', {}).layer).toBe(one.layers[0]);
});

describe('of several paths', () => {
  const conditions = when({ path: ['/data/**', '!/data/private/**'] });
  const allows = policy(layer([rule('path_rename', 'allow', conditions)]));
  const denies = policy(layer(undefined, [rule('path_rename', 'errno', conditions)]));

  test.each([
    [['/data/a', '/data/b'], 'allow', 'errno'],
    [['/data/a', '/tmp/b'], 'errno', 'errno'],
    [['/tmp/a', '/database/b'], 'errno', 'allow'],
    [['/data/private/x'], 'errno', 'allow'],
    [[], 'errno', 'errno'],
  ])('%j: all must fit to permit, one is enough to refuse', (paths, allowing, denying) => {
    expect(says(allows, 'path_rename', { paths })).toBe(allowing);
    expect(says(denies, 'path_rename', { paths })).toBe(denying);
  });

  test('paths that are not known are not permitted', () => {
    expect(says(allows, 'path_rename')).toBe('errno');
    expect(says(denies, 'path_rename')).toBe('errno');
  });
});

describe('hosts', () => {
  const conditions = when({ host: ['*.example.org', '10.0.0.0/8', '!10.1.0.0/16'] });
  const allows = policy(layer([rule('net_connect', 'allow', conditions)]));
  const denies = policy(layer(undefined, [rule('net_connect', 'errno', conditions)]));

  test.each([
    [{ host: 'api.example.org', addresses: ['192.0.2.1'] }, 'allow', 'errno'],
    [{ host: 'API.Example.org.', addresses: ['192.0.2.1'] }, 'allow', 'errno'],
    [{ host: 'example.org', addresses: ['192.0.2.1'] }, 'errno', 'allow'],
    [{ host: 'notexample.org', addresses: ['192.0.2.1'] }, 'errno', 'allow'],
    [{ host: 'b', addresses: ['10.2.3.4'] }, 'allow', 'errno'],
    [{ host: 'b', addresses: ['10.2.3.4', '192.0.2.1'] }, 'errno', 'errno'],
    [{ host: 'b', addresses: ['::ffff:10.2.3.4'] }, 'allow', 'errno'],
    [{ host: 'b', addresses: ['10.1.3.4'] }, 'errno', 'allow'],
    [{ host: 'api.example.org', addresses: ['10.1.3.4'] }, 'errno', 'allow'],
    [{ host: '10.2.3.4' }, 'allow', 'errno'],
    [{ addresses: ['10.2.3.4'] }, 'allow', 'errno'],
    [{ addresses: ['nonsense'] }, 'errno', 'errno'],
    [{}, 'errno', 'errno'],
  ])('%j', (facts, allowing, denying) => {
    expect(says(allows, 'net_connect', facts)).toBe(allowing);
    expect(says(denies, 'net_connect', facts)).toBe(denying);
  });
});

describe('conditions of one value', () => {
  test.each([
    [when({ port: ['443', '8000-8100'] }), { port: 8050 }, true],
    [when({ port: ['443', '8000-8100'] }), { port: 80 }, false],
    [when({ port: '!22' }), { port: 80 }, true],
    [when({ port: '!22' }), { port: 22 }, false],
    [when({ size: '> 64k' }), { size: 65536 }, false],
    [when({ size: '> 64k' }), { size: 65537 }, true],
    [when({ size: '>= 1, < 1m' }), { size: 2 ** 20 }, false],
    [when({ size: ['= 0', '>1m'] }), { size: 0 }, true],
    [when({ signal: 'SIGTERM' }), { signal: 'SIGTERM' }, true],
    [when({ clock: ['monotonic'] }), { clock: 'realtime' }, false],
    [when({ kind: '!console' }), { kind: 'file' }, true],
    [when({ access: 'read' }), { access: 'write' as const }, false],
    [when({ port: '443', host: 'a.test' }), { port: 443, host: 'b.test' }, false],
  ])('%j of %j: %s', (conditions, facts, holds) => {
    expect(says(policy(layer([rule('x', 'allow', conditions)])), 'x', facts)).toBe(holds ? 'allow' : 'errno');
    expect(says(policy(layer(undefined, [rule('x', 'kill', conditions)])), 'x', facts)).toBe(holds ? 'kill' : 'allow');
  });
});

describe('the outlook', () => {
  const path = when({ path: '/data/**' });

  test('is plain where no argument matters', () => {
    expect(outlook(policy(layer(undefined)), 'fd_read')).toBe('allow');
    expect(outlook(policy(layer([rule('fd_read', 'allow', path), rule('fd_read')])), 'fd_read')).toBe('allow');
    expect(outlook(policy(layer([rule('fd_read')]), layer([])), 'fd_read')).toMatchObject({ action: { do: 'errno' } });
    expect(outlook(policy(layer([rule('fd_read', 'notify')])), 'fd_read')).toMatchObject({ action: { do: 'notify' } });
    expect(outlook(policy(layer(undefined, [rule('fd_read', 'kill'), rule('fd_read', 'errno', path)])), 'fd_read')).toMatchObject(
      { action: { do: 'kill' } },
    );
  });

  test('depends where one does', () => {
    expect(outlook(policy(layer([rule('fd_read', 'allow', path)])), 'fd_read')).toBe('depends');
    expect(outlook(policy(layer([rule('fd_read', 'allow', path), rule('fd_read', 'log')])), 'fd_read')).toBe('depends');
    expect(outlook(policy(layer(undefined, [rule('fd_read', 'errno'), rule('fd_read', 'kill', path)])), 'fd_read')).toBe(
      'depends',
    );
    expect(outlook(policy(layer(undefined, [rule('fd_read', 'kill', path)]), layer([])), 'fd_read')).toBe('depends');
  });

  test('a layer that refuses settles what another only might', () => {
    const one = policy(layer([]), layer([rule('fd_read', 'allow', path)]));
    expect(outlook(one, 'fd_read')).toMatchObject({ layer: one.layers[0] });
    expect(outlook(policy(layer([rule('fd_read', 'allow', path)]), layer([], [], { do: 'kill' })), 'fd_read')).toMatchObject({
      action: { do: 'kill' },
    });
  });
});

describe('the remedy', () => {
  const remedyOf = (one: Policy, call: string) => remedy(one, call, {}, decide(one, call, {}));

  test.each([
    [policy(layer(undefined, [rule('execve', 'errno', [], 9)])), 'execve', "policy.yaml:9: take 'execve' out of denied_syscalls"],
    [policy(layer([])), 'clock_time_get', "policy.yaml:4: add '- clock_time_get' to allowed_syscalls"],
    [policy(layer([rule('a', 'notify')])), 'a', "policy.yaml:9: take 'action: notify' from 'a'"],
    [
      policy(layer(undefined, [rule(['a', 'b'], 'kill')])),
      'a',
      "policy.yaml:9: in place of 'a, b' in denied_syscalls name its calls without 'a'",
    ],
    [
      policy(layer(undefined, [rule('a', 'kill', when({ path: '/x' }))])),
      'a',
      "policy.yaml:9: in the 'when' of 'a' in denied_syscalls leave it out (path: /x)",
    ],
    [
      policy(layer([rule('a', 'allow', when({ path: '/x' }))])),
      'a',
      "policy.yaml:4: let 'when' of 'a' in line 9 take it in, or add '- a' to allowed_syscalls",
    ],
    [
      policy(layer([]), layer(undefined, [rule('a', 'kill')])),
      'a',
      "policy.yaml:9: take 'a' out of denied_syscalls; and policy.yaml:4: add '- a' to allowed_syscalls",
    ],
    [policy(layer(undefined)), 'a', "'a' is allowed"],
  ])('%#', (one, call, line) => {
    expect(remedyOf(one, call)).toBe(line);
  });
});

describe('narrowing', () => {
  test('limits: the least, soft and hard', () => {
    const limits = (soft: number | undefined, hard: number) => ({ memory: { soft, hard, place: place(1) } });
    const both = (a: Policy['limits'], b: Policy['limits']) =>
      narrow({ ...policy(), limits: a }, { ...policy(), limits: b }).limits;
    expect(both(limits(undefined, 5), limits(undefined, 7))).toEqual(limits(undefined, 5));
    expect(both(limits(3, 9), limits(undefined, 7))).toEqual(limits(3, 7));
    expect(both(limits(8, 9), limits(undefined, 7))).toEqual(limits(undefined, 7));
    expect(both({}, limits(1, 2))).toEqual(limits(1, 2));
  });

  test('capabilities: what each of them grants', () => {
    const granting = (...texts: string[]) => ({
      ...layer(undefined),
      capabilities: texts.map((text) => ({ text, place: place(1) })),
    });
    const covers = (wide: string, narrow: string) => wide === narrow || (wide === 'all' && narrow !== 'all');
    const of = (...layers: ReturnType<typeof layer>[]) => grantsOf(policy(...layers), covers)?.map(({ text }) => text);
    expect(of(layer(undefined))).toBeUndefined();
    expect(of(granting('clock'), layer(undefined))).toEqual(['clock']);
    expect(of(granting('clock'), granting('clock', 'random'))).toEqual(['clock']);
    expect(of(granting('all'), granting('clock'))).toEqual(['clock']);
    expect(of(granting('clock'), granting('all'))).toEqual(['clock']);
    expect(of(granting('clock'), granting())).toEqual([]);
  });

  test('a policy survives a structured clone', () => {
    const one = policy(layer([rule('fd_read', 'allow', when({ path: '/a' }))]));
    expect(structuredClone(one)).toEqual(one);
  });
});

describe('what a name alone foretells', () => {
  const wants = (host: string | string[], more = {}) => rule('net_connect', 'allow', when({ host, ...more }));
  const denies = (host: string | string[]) => rule('net_connect', 'errno', when({ host }));
  const named = { host: 'secret.example.com', port: 443 };

  test.each([
    ['a name that the list has', policy(layer([wants('*.example.com')])), true],
    ['a name that the list has not', policy(layer([wants('api.example.org')])), false],
    ['a list with addresses', policy(layer([wants(['api.example.org', '10.0.0.0/8'])])), true],
    ['another port', policy(layer([wants(['*.example.com'], { port: '80' })])), false],
    ['a name that is taken out', policy(layer([wants(['*', '!*.example.com'])])), false],
    ['addresses that are taken out', policy(layer([wants(['*', '!10.0.0.0/8'])])), true],
    ['a name that is denied', policy(layer(undefined, [denies('*.example.com')])), false],
    ['a name that is denied but for addresses', policy(layer(undefined, [denies(['*.example.com', '!10.0.0.1'])])), true],
    ['addresses that are denied', policy(layer(undefined, [denies('10.0.0.0/8')])), true],
    ['nothing is denied by name', policy(layer(undefined, [denies(['!*.example.com'])])), true],
    ['a default that goes on', policy(layer([wants('api.example.org')], [], { do: 'log' })), true],
    ['one of two layers', policy(layer(undefined), layer([wants('api.example.org')])), false],
    ['an entry that asks', policy(layer([rule('net_connect', 'notify')])), true],
  ])('%s', (_, one, expected) => {
    expect(could(one, 'net_connect', named)).toBe(expected);
  });

  test('where it could not go on it is refused with any addresses, and by the name alone', () => {
    let foretold = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const random = new Random(seed);
      const one = parse(JSON.stringify(document(random)));
      const about = { ...facts(random), host: pick(random, ['example.org', 'a.example.org', 'notexample.org']) };
      const call = pick(random, ['net_connect', 'net_send_to', 'net_resolve']);
      const { addresses: _, ...byName } = about;
      if (could(one, call, byName)) continue;
      foretold++;
      expect(strictness(decide(one, call, byName).action)).toBeGreaterThanOrEqual(3);
      for (let i = 0; i < 10; i++) {
        const { addresses = ['10.0.0.1'] } = facts(random);
        expect(strictness(decide(one, call, { ...byName, addresses }).action)).toBeGreaterThanOrEqual(3);
      }
    }
    expect(foretold).toBeGreaterThan(100);
  });
});
