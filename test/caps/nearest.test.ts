// What somebody may have meant.
import { expect, test } from 'vitest';
import { nearest } from '../../src/caps/nearest.ts';

test.each([
  ['raed', 'read'],
  ['opne', 'open'],
  ['fd_wrte', 'fd_write'],
  ['exevce', 'execve'],
  ['xyz', undefined],
  ['', undefined],
  ['r', undefined],
])('%s: %s', (written, expected) => expect(nearest(written, ['read', 'open', 'fd_write', 'execve'])).toBe(expected));
