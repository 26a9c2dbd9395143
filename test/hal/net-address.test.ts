import net from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, looksNumeric, parseAddress, parseName, scopeOf } from '../../src/hal/address.ts';
import { resolverErrno, socketErrno } from '../../src/hal/node/net/errno.ts';

const canonical = (text: string) => {
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(address);
};

describe('addresses have one text', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:169.254.169.254', '169.254.169.254'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['fe80::', 'fe80::'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('%s', (text, one) => expect(canonical(text)).toBe(one));

  test.each([
    '',
    '1',
    '127.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '127.0.0.256',
    '127.0.0.1.',
    '127.0.0.01',
    ' 127.0.0.1',
    '127.0.0.1 ',
    '１２７.0.0.1',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '::g',
    'fe80::1%lo',
    '[::1]',
    '::1.2.3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1.2.3.4::',
    '::ffff:0127.0.0.1',
    ':1',
    '1:',
  ])('%j is none', (text) => expect(parseAddress(text)).toBeUndefined());
});

test.each([
  ['8.8.8.8', 'global'],
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'reserved'],
  ['127.255.0.1', 'loopback'],
  ['169.254.169.254', 'link-local'],
  ['172.31.0.1', 'private'],
  ['172.32.0.1', 'global'],
  ['100.64.0.1', 'private'],
  ['192.0.0.192', 'reserved'],
  ['239.1.1.1', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['fe80::1', 'link-local'],
  ['fd00:ec2::254', 'private'],
  ['ff02::1', 'multicast'],
  ['2606:4700::1111', 'global'],
  ['::ffff:10.0.0.1', 'private'],
  ['::127.0.0.1', 'loopback'],
  ['::ffff:0:127.0.0.1', 'loopback'],
  ['64:ff9b::169.254.169.254', 'link-local'],
  ['64:ff9b::8.8.8.8', 'global'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:a9fe:a9fe::1', 'link-local'],
  // The client 127.0.0.1 behind a Teredo server.
  ['2001:0:808:808:0:0:80ff:fffe', 'loopback'],
])('%s is %s', (text, scope) => expect(scopeOf(parseAddress(text)!)).toBe(scope));

test('names are ASCII labels in lower case; what some resolver takes for an address is none', () => {
  expect(parseName('API.Example.ORG.')).toBe('api.example.org');
  expect(parseName('xn--bcher-kva.example')).toBe('xn--bcher-kva.example');
  const bad = [
    '',
    '.',
    'a..b',
    '-a',
    'a-',
    'bücher.example',
    'a b',
    'a/b',
    'a\0b',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}ab`,
    'ﬁ.org',
  ];
  for (const text of bad) expect(parseName(text), text).toBeUndefined();
  for (const text of ['127.1', '0x7f000001', '2130706433', '0177.0.0.1', 'a.0x7f', '1.2.3.4', '1.2.3.4.', '0x'])
    expect([looksNumeric(text), parseName(text)], text).toEqual([true, undefined]);
});

test('any text: what is an address here is the same one to the standard of URLs, and has one text', () => {
  const hex = fc.integer({ min: 0, max: 0xffff }).map((group) => group.toString(16));
  const decimal = fc.integer({ min: 0, max: 300 }).map(String);
  const piece = fc.oneof(hex, decimal, fc.constantFrom(':', '::', '.', '0', '00', '0x7f', 'ffff', '', '%', '/', '-'));
  const written = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')),
    fc.array(decimal, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
    fc.array(fc.oneof(hex, fc.constant('')), { minLength: 3, maxLength: 9 }).map((parts) => parts.join(':')),
    fc
      .tuple(fc.array(hex, { maxLength: 6 }), fc.array(decimal, { minLength: 4, maxLength: 4 }))
      .map(([six, four]) => `${six.join(':')}::${four.join('.')}`),
  );
  fc.assert(
    fc.property(written, (text) => {
      const address = parseAddress(text);
      // Node knows the same two forms, and leading zeros are none of them.
      expect(address !== undefined, text).toBe(net.isIP(text) !== 0 && !text.includes('%'));
      if (address === undefined) return;
      const one = formatAddress(address);
      expect(parseAddress(one), text).toEqual(address);
      const { hostname } = new URL(`http://${text.includes(':') ? `[${text}]` : text}/`);
      const same = hostname.replace(/^\[(.*)\]$/, '$1');
      expect(same.startsWith('::ffff:') && address.bits === 32 ? formatAddress(parseAddress(same)!) : same, text).toBe(one);
    }),
    { numRuns: 20_000 },
  );
});

test('errors of the host have their names here', () => {
  const error = (code: string) => Object.assign(new Error(code), { code });
  const same = [
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EADDRINUSE',
    'EADDRNOTAVAIL',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EACCES',
    'EMFILE',
  ];
  for (const code of same) expect(`E${socketErrno(error(code))}`).toBe(code);
  expect(socketErrno(error('EOPNOTSUPP'))).toBe('NOTSUP');
  expect(socketErrno(error('EUNHEARDOF'))).toBe('IO');
  expect(() => socketErrno(error('ERR_INVALID_ARG_TYPE'))).toThrow();
  expect(() => socketErrno(new Error('a bug'))).toThrow('a bug');
  expect(['ENOTFOUND', 'ENODATA', 'ETIMEOUT', 'ESERVFAIL'].map((code) => resolverErrno(error(code)))).toEqual([
    'NOENT',
    'NOENT',
    'TIMEDOUT',
    'HOSTUNREACH',
  ]);
});
