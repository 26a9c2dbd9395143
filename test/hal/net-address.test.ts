import { describe, expect, test } from 'vitest';
import { formatAddress, looksNumeric, parseAddress, parseName, scopeOf } from '../../src/hal/address.ts';

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
