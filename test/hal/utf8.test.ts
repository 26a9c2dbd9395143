import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, utf8Length } from '../../src/hal/utf8.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const reference = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
};
const agrees = (bytes: Uint8Array): void => {
  expect(decodeUtf8(bytes, 0, bytes.length)).toBe(reference(bytes));
};

/** Bytes at the borders of what the encoding allows. */
const border = fc.constantFrom(
  0x00,
  0x41,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc2,
  0xdf,
  0xe0,
  0xe1,
  0xec,
  0xed,
  0xee,
  0xef,
  0xf0,
  0xf1,
  0xf3,
  0xf4,
  0xf5,
  0xfe,
  0xff,
);

describe('UTF-8', () => {
  test('random bytes are text, or are not, as for the host', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), agrees), { numRuns: 2000 });
    fc.assert(
      fc.property(
        fc.array(border, { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
        agrees,
      ),
      { numRuns: 5000 },
    );
  });

  test('every sequence of two bytes, and of three at the borders', () => {
    const bytes = new Uint8Array(2);
    for (let pair = 0; pair < 65_536; pair++) {
      bytes[0] = pair >> 8;
      bytes[1] = pair & 0xff;
      if (decodeUtf8(bytes, 0, 2) !== reference(bytes)) agrees(bytes);
    }
  });

  test('there and back, in the middle of a larger buffer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(9), (text, at) => {
        const encoded = encodeUtf8(text);
        expect(encoded).toEqual(new TextEncoder().encode(text));
        const buffer = new Uint8Array(at + encoded.length + 3).fill(0xff);
        buffer.set(encoded, at);
        expect(decodeUtf8(buffer, at, encoded.length)).toBe(text.toWellFormed());
      }),
    );
  });

  test('a lone surrogate is replaced, as the host does it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\ud800', '\udfff', '\ud83d\ude00', '\uffff'), { maxLength: 8 }), (parts) => {
        expect(encodeUtf8(parts.join(''))).toEqual(new TextEncoder().encode(parts.join('')));
      }),
    );
  });

  test('the length is known before', () => {
    const part = fc.constantFrom(
      '',
      '\0',
      'a',
      '\x7f',
      '\x80',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ud800',
      '\udbff',
      '\udc00',
      '\uffff',
      '\u{10000}',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string({ unit: 'binary' })), { maxLength: 8 }), (parts) => {
        expect(utf8Length(parts.join(''))).toBe(encodeUtf8(parts.join('')).length);
      }),
      { numRuns: 2000 },
    );
  });

  test('a byte order mark is a character', () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4)).toBe('\ufeffa');
  });
});
