// `..` in the path of any call, at every depth, leaving for good or only on the way (cap-std 296, uvwasi 299).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drivers, type Fixture, get, names, options, subdirectory } from '../hal/disks.ts';
import { type Jail, jail, tryAll } from './escapes.ts';

const ESCAPES = [
  '..',

  './..',
  '../..',
  '../outside',
  '../outside/secret',
  '../outside/new',
  '../outside/empty',
  'a/../..',
  'a/../../outside/secret',
  'a/./..//../outside/secret',
  'a/b/../../../outside/secret',
  'a/b/c/../../../../outside/new',
  // Back in again.
  '../inside',
  '../inside/f',
  'a/../../inside/f',
  'a/b/../../../inside/a/f',
  // To the host's root, where nothing has this name: a driver that let it through would break nothing.
  '../../../../../../../../../../../../superos-none/f',
];

describe.each(drivers)('dots, disk driver: $name', (driver) => {
  let fixture: Fixture;
  let cell: Jail;
  beforeEach(() => {
    fixture = driver.setUp();
    cell = jail(fixture);
  });
  afterEach(() => {
    cell.leave();
    fixture.dispose();
  });

  test.each(ESCAPES)('%s is refused by every call', (path) => {
    const before = cell.outside();
    const results = tryAll(cell.inside, path);
    expect(Object.entries(results).filter(([, result]) => result !== 'PERM')).toEqual([]);
    expect(names(cell.inside)).toEqual(['a', 'f']);
    expect(cell.outside()).toEqual(before);
  });

  test('as far as the directory itself they are fine', () => {
    expect(get(cell.inside, 'a/b/../../f')).toBe('inside');
    expect(get(cell.inside, 'a/b/c/../../f')).toBe('inside');
    expect(get(cell.inside, 'a/../a/../a/../f')).toBe('inside');
  });

  test('a directory that was moved up meanwhile does not lead out', () => {
    const { root } = fixture;
    const handle = subdirectory(cell.inside, 'a/b');
    expect(root.rename('inside/a/b', false, root, 'outside/b', false)).toBeUndefined();
    expect(handle.open('../secret', options())).toBe('PERM');
    expect(handle.open('c/../../secret', options())).toBe('PERM');
    expect(root.rename('outside/b', false, root, 'inside/a/b', false)).toBeUndefined();
    handle.close();
  });
});
