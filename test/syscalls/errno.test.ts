import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ERRNO } from '../../src/syscalls/errno.ts';

test('errors have the numbers of preview 1, as the guests know them', () => {
  const header = fs.readFileSync(path.join(import.meta.dirname, '../../guests/src/c/preview1.h'), 'utf8');
  const list = header.slice(header.indexOf('#define ERRNOS'), header.indexOf('// The prefix keeps'));
  const names = [...list.matchAll(/X\(E?(\w+)\)/g)].map(([, name]) => name!);
  // The header drops the E of EXIST's own name with the prefix.
  const numbered = Object.fromEntries(names.map((name, number) => [number === 0 ? 'SUCCESS' : name, number]));
  expect(numbered).toEqual(ERRNO);
});

test('those that programs rely on most, from the specification itself', () => {
  expect(ERRNO).toMatchObject({
    SUCCESS: 0,
    '2BIG': 1,
    ACCES: 2,
    AGAIN: 6,
    BADF: 8,
    EXIST: 20,
    FAULT: 21,
    ILSEQ: 25,
    INTR: 27,
    INVAL: 28,
    IO: 29,
    ISDIR: 31,
    LOOP: 32,
    MFILE: 33,
    NAMETOOLONG: 37,
    NOENT: 44,
    NOMEM: 48,
    NOSPC: 51,
    NOSYS: 52,
    NOTDIR: 54,
    NOTEMPTY: 55,
    NOTSOCK: 57,
    NOTSUP: 58,
    PERM: 63,
    PIPE: 64,
    ROFS: 69,
    SPIPE: 70,
    SRCH: 71,
    XDEV: 75,
    NOTCAPABLE: 76,
  });
});
