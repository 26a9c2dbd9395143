// What node:ffi is given of the C library.
import { expect, test } from 'vitest';
import { SIGNATURES as FILES } from '../../src/hal/node/disk/libc.ts';
import { SIGNATURES as MEMORY } from '../../src/hal/node/mmu/calls.ts';

const all = [FILES, MEMORY].flatMap((functions) =>
  Object.entries(functions).map(([name, one]) => ({ name, given: one.arguments })),
);

test('ioctl alone has three arguments: V8 knows what node:ffi does with those of no other function', () => {
  expect(all.filter(({ given }) => given.length === 3).map(({ name }) => name)).toEqual(['ioctl']);
});

test('what node:ffi checks is of one type', () => {
  const types = new Set<string>(all.flatMap(({ given }) => given));
  expect([...types].sort()).toEqual(['double', 'int64']);
});
