// The grammar of grants: round trips, mistakes pointed at, and what covers what.
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goesUp } from '../../src/caps/path.ts';
import { checkGrant, covers, formatGrant, type Grant, parseGrant, SuperosError } from '../../src/index.ts';
import { canonicalGrant, grantsWithin } from '../../src/machine/grammar.ts';

const PLAIN = ['clock', 'clock:coarse', 'random', 'console', 'dev', 'threads', 'network', 'filesystem'] as const;

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((one) => !one.includes('\0') && !goesUp(one));
const pathText = fc.oneof(text, fc.constantFrom('ro', 'rw', 'wo', '/a:b', 'c\\d', '.', './x', '/', '\\ro', ':'));
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,5}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const four = fc.tuple(...Array.from({ length: 4 }, () => fc.nat(255))).map((bytes) => bytes.join('.'));
const address = fc.oneof(four, fc.constantFrom('[::1]', '[fe80::1]', '[2001:db8::a:b]', '[1:2:3:4:5:6:7:8]'));
const range = fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', '192.168.1.0/24', '[fd00::]/8', '[::]/0', '127.0.0.0/31', '*');
const host = fc.oneof(
  name,
  name.map((one) => `*.${one}`),
  address,
  range,
);
const port = fc.constantFrom('1', '80', '443', '8000-8080', '80,443', '1-79,81-65535', '65535', '*');
const size = fc.oneof(fc.nat(2 ** 40), fc.constantFrom('64m', '1g', '1.5k', '0b'));

const rights = fc.constantFrom(['read'], ['write']) as fc.Arbitrary<readonly ('read' | 'write')[]>;
const grants: fc.Arbitrary<Grant> = fc.oneof(
  fc.constantFrom(...PLAIN),
  fc.record({ dir: pathText, at: pathText, rights }, { requiredKeys: ['dir'] }),
  fc.record({ tmp: pathText, size }, { requiredKeys: ['tmp'] }),
  fc.record({ net: fc.constantFrom('connect' as const, 'udp' as const), host, ports: port }),
  fc.record({
    net: fc.constantFrom('listen' as const, 'bind' as const),
    host: fc.oneof(address, range),
    ports: fc.oneof(port, fc.constant('0')),
  }),
  fc.record({
    net: fc.constant('resolve' as const),
    host: fc.oneof(
      name,
      name.map((one) => `*.${one}`),
      fc.constant('*'),
    ),
  }),
  fc.record({ program: pathText }),
  fc.tuple(label, text).map(([module, field]) => ({ function: `${module}.${field}` })),
);

test('every grant formats to text that parses to an equal grant', () => {
  fc.assert(
    fc.property(grants, (grant) => {
      expect(parseGrant(formatGrant(grant))).toEqual(grant);
    }),
    { numRuns: 5000 },
  );
});

test('any text parses, and then round-trips, or is refused at a character of it', () => {
  const pieces = fc.array(
    fc.oneof(text, host, port, fc.constantFrom('net', 'dir', 'tmp', 'connect', 'listen', ':', '::', '\\', '[', ']', ...PLAIN)),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(
      pieces.map((some) => some.join(':')),
      (written) => {
        const mistake = checkGrant(written);
        if (mistake === undefined) {
          const grant = parseGrant(written);
          expect(parseGrant(formatGrant(grant))).toEqual(grant);
        } else {
          expect(mistake.offset).toBeGreaterThanOrEqual(0);
          expect(mistake.offset).toBeLessThanOrEqual(written.length);
          expect(() => parseGrant(written)).toThrow(SuperosError);
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test.each<[written: string, grant: Grant]>([
  ['clock', 'clock'],
  ['clock:coarse', 'clock:coarse'],
  ['dir:./data', { dir: './data' }],
  ['dir:./data:ro', { dir: './data', rights: ['read'] }],
  ['dir:./data:/data:ro', { dir: './data', at: '/data', rights: ['read'] }],
  ['dir:/a\\:b:/c', { dir: '/a:b', at: '/c' }],
  ['dir:/a:\\ro', { dir: '/a', at: 'ro' }],
  ['dir:../a:/a', { dir: '../a', at: '/a' }],
  ['dir:..a', { dir: '..a' }],
  ['dir:/a::rw', { dir: '/a' }],
  ['dir:/a:/b:rw', { dir: '/a', at: '/b' }],
  ['tmp:/tmp:64m', { tmp: '/tmp', size: '64m' }],
  ['net:connect:API.Example.Org.:443', { net: 'connect', host: 'api.example.org', ports: '443' }],
  ['net:connect:[::FFFF:10.0.0.1]:443,80,81', { net: 'connect', host: '10.0.0.1', ports: '80-81,443' }],
  ['net:connect:[2001:0db8:0:0::1]:*', { net: 'connect', host: '[2001:db8::1]', ports: '*' }],
  ['net:listen:127.0.0.1:0', { net: 'listen', host: '127.0.0.1', ports: '0' }],
  ['net:resolve:*.example.org', { net: 'resolve', host: '*.example.org' }],
  ['program:./tool.wasm', { program: './tool.wasm' }],
  ['policy:strict', { policy: 'strict' }],
  ['policy:./a\\:b.yaml', { policy: './a:b.yaml' }],
  ['function:host.lookup', { function: 'host.lookup' }],
])('%s', (written, grant) => {
  expect(parseGrant(written)).toEqual(grant);
});

test.each<[written: string, offset: number, expected: string]>([
  ['', 0, 'a capability is expected'],
  ['clok', 0, 'did you mean clock?'],
  ['everything', 0, 'there are clock'],
  ['clock:fine', 6, 'coarse'],
  ['clock:coarse:x', 12, 'nothing more'],
  ['random:', 6, 'nothing more'],
  ['dir:../data', 4, "without '..'"],
  ['dir:/a/../data::ro', 15, "without '..'"],
  ['dir:/data:/x/..', 10, "without '..'"],
  ['tmp:a/../b', 4, "without '..'"],
  ['dir', 3, 'a directory of this host'],
  ['dir:', 4, 'a directory of this host'],
  ['dir:/a:/b:x', 10, 'ro, wo, rw'],
  ['dir:/a:/b:ro:', 12, 'nothing more'],
  ['dir:/a\\', 7, 'after \\'],
  ['tmp:/t:huge', 7, '64m'],
  ['net:conect:a:1', 4, 'connect, listen, udp, bind, resolve'],
  ['net:connect', 11, 'a host'],
  ['net:connect:api.example.org', 27, 'a port'],
  ['net:connect:api.example.org:99999', 28, 'a port from 1 to 65535'],
  ['net:connect:api.example.org:80,0', 31, 'a port from 1 to 65535'],
  ['net:connect:api.example.org:443-80', 32, 'a port from 443'],
  ['net:connect:api..org:80', 16, 'a host'],
  ['net:connect:ex_ample.-x:80', 21, 'a host'],
  ['net:connect:m\u00fcnchen.de:80', 12, 'xn--'],
  ['net:connect:10.0.0.1/8:80', 12, '10.0.0.0/8'],
  ['net:connect:10.0.0.0/33:80', 21, 'from 0 to 32'],
  ['net:connect:0x7f.1:80', 12, 'neither a name nor an address'],
  ['net:connect:[::1:80', 19, ']'],
  ['net:connect:[nope]:80', 12, 'a host'],
  ['net:listen:localhost:80', 11, 'an address'],
  ['net:resolve:10.0.0.1', 12, 'a name'],
  ['policy:', 7, 'the path or name of a policy'],
  ['function:lookup', 9, 'MODULE.FIELD'],
])('%s is refused at character %i', (written, offset, expected) => {
  expect(checkGrant(written)).toMatchObject({ offset, message: expect.stringContaining(expected) });
  expect(() => parseGrant(written)).toThrow(`at character ${offset + 1}, `);
});

describe('covers', () => {
  /** What each of a few points of the world needs, worked out point by point: a model that knows no patterns. */
  const NAMES = ['a', 'b.a', 'c.b.a', 'x'];
  const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.1.0.1', '8.8.8.8', '127.0.0.1'];
  const PORTS = [0, 1, 80, 81, 65_535];
  const PATHS = ['/', '/d', '/d/e', '/de', path.resolve('.'), path.resolve('./d')];
  const modelHost = fc.constantFrom(
    '*',
    'a',
    '*.a',
    'b.a',
    '*.b.a',
    '10.0.0.1',
    '10.0.0.0/8',
    '10.0.0.0/31',
    '0.0.0.0/0',
    '8.8.8.8',
    '127.0.0.1',
  );
  const local = fc.constantFrom('*', '10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '127.0.0.1');
  const modelPorts = fc.constantFrom('*', '1', '80', '80-81', '1-80', '80,65535', '1-65535');
  const some: fc.Arbitrary<Grant> = fc.oneof(
    fc.constantFrom(...PLAIN),
    fc.record({ dir: fc.constantFrom('/', '/d', '/d/', '/d/../d/e', '/de', '.', './d'), rights }, { requiredKeys: ['dir'] }),
    fc.record(
      { tmp: fc.constant('/t'), size: fc.constantFrom<string | number>(1, '1k', '64m', '65m') },
      { requiredKeys: ['tmp'] },
    ),
    fc.record({ net: fc.constantFrom('connect' as const, 'udp' as const), host: modelHost, ports: modelPorts }),
    fc.record({
      net: fc.constantFrom('listen' as const, 'bind' as const),
      host: local,
      ports: fc.oneof(modelPorts, fc.constant('0')),
    }),
    fc.record({ net: fc.constant('resolve' as const), host: fc.constantFrom('*', 'a', '*.a', 'b.a') }),
    fc.record({ program: fc.constantFrom('/p', './p', 'q') }),
    fc.record({ policy: fc.constantFrom('strict', './p.yaml') }),
    fc.record({ function: fc.constantFrom('a.b', 'a.c') }),
  );

  const number = (one: string): number => one.split('.').reduce((value, part) => value * 256 + Number(part), 0);
  const hasHost = (pattern: string, one: string, special: boolean): boolean => {
    const isAddress = /^\d/.test(one);
    // Whatever is not global must be named.
    if (pattern === '*') return !isAddress || special || one === '8.8.8.8';
    if (pattern.startsWith('*.')) return one.endsWith(pattern.slice(1));
    const [base = '', bits = '32'] = pattern.split('/');
    if (!/^\d/.test(base) || !isAddress) return base === one;
    return Math.floor(number(base) / 2 ** (32 - Number(bits))) === Math.floor(number(one) / 2 ** (32 - Number(bits)));
  };
  const hasPort = (pattern: string, one: number, least: number): boolean =>
    pattern === '*'
      ? one >= least
      : pattern.split(',').some((part) => {
          const [first, last] = part.split('-').map(Number);
          return one >= first! && one <= (last ?? first!);
        });
  const below = (base: string, one: string): boolean => !path.relative(path.resolve(base), one).startsWith('..');
  const mib = 2 ** 20;

  /** The points of the world that a grant reaches. */
  function reach(grant: Grant): string[] {
    if (grant === 'clock') return ['clock', 'clock:coarse'];
    if (grant === 'filesystem') return [...reach({ dir: '.' }), 'dev'];
    if (grant === 'network')
      return (['connect', 'udp', 'listen', 'bind', 'resolve'] as const).flatMap((net) =>
        reach(net === 'resolve' ? { net, host: '*' } : { net, host: '*', ports: '*' }),
      );
    if (typeof grant === 'string') return [grant];
    if ('dir' in grant)
      return PATHS.filter((one) => below(grant.dir, one)).flatMap((one) =>
        (grant.rights ?? ['read', 'write']).map((right) => `${right} ${one}`),
      );
    if ('tmp' in grant) {
      const bytes = { 1: 1, '1k': 1024, '64m': 64 * mib, '65m': 65 * mib }[grant.size ?? '64m']!;
      return [1, 1024, 64 * mib, 65 * mib].filter((one) => one <= bytes).map((one) => `tmp ${one}`);
    }
    if ('program' in grant) return [`program ${path.resolve(grant.program)}`];
    if ('function' in grant) return [`function ${grant.function}`];
    if ('policy' in grant) return [`policy ${grant.policy}`];
    if ('region' in grant) return [`region ${grant.region}`];
    if (grant.net === 'resolve') return NAMES.filter((one) => hasHost(grant.host, one, false)).map((one) => `resolve ${one}`);
    const here = grant.net === 'listen' || grant.net === 'bind';
    return [...(here ? [] : NAMES), ...ADDRESSES]
      .filter((one) => hasHost(grant.host, one, here))
      .flatMap((one) =>
        PORTS.filter((number) => hasPort(String(grant.ports), number, here ? 0 : 1)).map(
          (number) => `${grant.net} ${one} ${number}`,
        ),
      );
  }

  test('is reflexive', () => {
    fc.assert(
      fc.property(fc.oneof(grants, some), (grant) => covers(grant, grant)),
      { numRuns: 5000 },
    );
  });

  test('is transitive', () => {
    fc.assert(
      fc.property(some, some, some, (a, b, c) => !(covers(a, b) && covers(b, c)) || covers(a, c)),
      { numRuns: 20_000 },
    );
  });

  test('never says yes to what reaches further', () => {
    let yes = 0;
    fc.assert(
      fc.property(some, some, (wide, narrow) => {
        if (!covers(wide, narrow)) return;
        yes++;
        const reached = new Set(reach(wide));
        expect(reach(narrow).filter((one) => !reached.has(one))).toEqual([]);
      }),
      { numRuns: 20_000 },
    );
    expect(yes).toBeGreaterThan(200);
  });

  test.each<[wide: string, narrow: string, expected: boolean]>([
    ['clock', 'clock:coarse', true],
    ['clock:coarse', 'clock', false],
    ['network', 'net:connect:127.0.0.1:80', false],
    ['network', 'net:connect:localhost:80', false],
    ['network', 'net:connect:a.example.org:80', true],
    ['network', 'net:listen:127.0.0.1:0', true],
    ['network', 'net:resolve:localhost', true],
    ['net:connect:*.localhost:80', 'net:connect:a.localhost:80', true],
    ['net:connect:*.example.org:*', 'net:connect:a.example.org:443', true],
    ['net:connect:*.example.org:*', 'net:connect:example.org:443', false],
    ['net:connect:*:*', 'net:connect:127.0.0.1:80', false],
    ['net:connect:*:*', 'net:connect:8.8.8.0/24:80', true],
    ['net:connect:*:*', 'net:connect:192.0.0.0/8:80', false],
    ['net:connect:10.0.0.0/8:1-1024', 'net:connect:10.1.0.0/16:80,443', true],
    ['net:connect:10.0.0.0/8:1-1024', 'net:udp:10.1.0.0/16:80', false],
    ['net:listen:*:*', 'net:listen:127.0.0.1:8080', true],
    ['dir:/data', 'dir:/data/x:/y:ro', true],
    ['dir:/data:ro', 'dir:/data/x', false],
    ['dir:/data', 'dir:/database', false],
    ['dir:/data', 'dir:/data/../etc:/etc', false],
    ['filesystem', 'dir:./below', true],
    ['filesystem', 'dir:..:/up', false],
    ['program:./a', 'program:a', true],
  ])('%s, %s: %s', (wide, narrow, expected) => {
    expect(covers(parseGrant(wide), parseGrant(narrow))).toBe(expected);
  });

  test('of lists: the first that nothing covers is named', () => {
    expect(grantsWithin(['clock', { dir: '/d' }], ['clock:coarse', { dir: '/d/e' }])).toBeUndefined();
    expect(grantsWithin(['clock', { dir: '/d' }], ['clock', { dir: '/e' }, 'random'])).toEqual({ dir: '/e' });
  });
});

test('what is no grant is refused, in objects too', () => {
  const builderOf = (grant: Grant) => () => formatGrant(grant);
  expect(builderOf({ dir: '/d', rights: [] })).toThrow('read, write or both');
  expect(formatGrant({ dir: '/d', at: '/e', rights: ['write', 'read'] })).toBe('dir:/d:/e');
  expect(formatGrant({ net: 'connect', host: '::1', ports: 80 })).toBe('net:connect:[::1]:80');
});

test('every example in the documentation parses', () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '../../docs/CAPABILITIES.md'), 'utf8');
  const examples = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, written]) => written!);
  expect(examples.length).toBeGreaterThan(20);
  for (const written of examples) expect([written, checkGrant(written)]).toEqual([written, undefined]);
});

test.each<[string, unknown]>([
  ['rights that there are not', { dir: '/d', rights: ['ro'] }],
  ['one right that there is not', { dir: '/d', rights: ['read', 'exec'] }],
  ['rights of another case', { dir: '/d', rights: ['Read'] }],
  ['rights that are no list', { dir: '/d', rights: 'read' }],
  ['no rights', { dir: '/d', rights: [] }],
  ['rights that are not there', { dir: '/d', rights: undefined }],
  ['a key that there is not', { dir: '/d', right: ['read'] }],
  ['a key of others', { dir: '/d', readonly: true }],
  ['a directory that is no text', { dir: 5 }],
  ['a name that is no text', { dir: '/d', at: null }],
  ['a size that is none', { tmp: '/t', size: {} }],
  ['a negative size', { tmp: '/t', size: -5 }],
  ['no host', { net: 'connect', ports: 1 }],
  ['no ports', { net: 'connect', host: 'a.example.org' }],
  ['ports of a name', { net: 'resolve', host: 'a.example.org', ports: 1 }],
  ['a use that there is not', { net: 'conect', host: 'a.example.org', ports: 1 }],
  ['two kinds', { dir: '/d', tmp: '/t' }],
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['an empty object', {}],
  [
    'an object that cannot be shown',
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
  ],
])('%s: no capability', (_, grant) => {
  expect(() => canonicalGrant(grant as Grant)).toThrow(SuperosError);
});

test('the nearest word of the network is told', () => {
  expect(() => parseGrant('net:conect:a:1')).toThrow("not 'conect'; did you mean connect?");
});
