// A directory opened without links: no walk follows one, wherever it is in a path and whatever is asked.
import { describe, expect, test } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import { directory, drivers, ok, options, put, subdirectory } from './disks.ts';

describe.each(drivers)('without links: $name', (driver) => {
  test('each call gives LOOP at a link, and works on the link itself', () => {
    const fixture = driver.setUp();
    const { root, disk } = fixture;
    expect(root.makeDirectory('d')).toBeUndefined();
    put(root, 'd/f', 'x');
    expect(root.symlink('d', 'to-d')).toBeUndefined();
    expect(root.symlink('d/f', 'to-f')).toBeUndefined();
    const strict = directory(disk.open(fixture.host ?? '/', false));
    const refused: ((at: Directory) => unknown)[] = [
      (at) => at.open('to-f', options({ follow: true })),
      (at) => at.open('to-f', options({ follow: false })),
      (at) => at.open('to-d/f', options({})),
      (at) => at.open('to-d/new', options({ create: true, write: true })),
      (at) => at.stat('to-f', true),
      (at) => at.stat('to-d/f', false),
      (at) => at.makeDirectory('to-d/made'),
      (at) => at.unlink('to-d/f', false),
      (at) => at.removeDirectory('to-d/x'),
      (at) => at.rename('to-d/f', false, at, 'g', false),
      (at) => at.rename('d/f', false, at, 'to-d/g', false),
      (at) => at.link('to-f', true, at, 'g'),
      (at) => at.symlink('x', 'to-d/l'),
      (at) => at.readlink('to-d/l'),
      (at) => at.setTimes('to-f', true, 1n, 1n),
      (at) => at.setMode('to-f', true, 0o600),
    ];
    for (const one of refused) {
      const got = one(strict);
      expect(typeof got === 'object' && got !== null && 'error' in got ? got.error : got, String(one)).toBe('LOOP');
    }
    expect(strict.readlink('to-f')).toBe('d/f');
    expect(ok(strict.stat('to-f', false)).type).toBe('symbolic-link');
    const beneath = subdirectory(strict, 'd');
    expect(beneath.symlink('f', 'l')).toBeUndefined();
    expect(beneath.open('l', options({ follow: true }))).toBe('LOOP');
    expect(strict.unlink('to-f', false)).toBeUndefined();
    beneath.close();
    strict.close();
    fixture.dispose();
  });
});
