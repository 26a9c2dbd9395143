import { expect, test } from 'vitest';
import { OpenFile } from '../../src/caps/file.ts';
import { FDFLAG } from '../../src/caps/object.ts';
import type { File, FileType } from '../../src/hal/disk.ts';

/** A file of 100 bytes that says how often it was asked for its size. */
const opened = (type: FileType) => {
  let asked = 0;
  const stat = () => ({ size: 100n, asked: asked++ });
  const file = { type, stat, write: (_from: Uint8Array, _at: number, length: number) => length } as unknown as File;
  return { file: new OpenFile(file, FDFLAG.append), asked: () => asked };
};

test('after a write that was appended the position is the end', () => {
  const { file, asked } = opened('regular-file');
  expect([file.write(new Uint8Array(4), 0, 4), asked(), file.seek(0, 'cur')]).toEqual([4, 1, 100]);
});

test('what has no position is not asked for its size when it is appended to', () => {
  const { file, asked } = opened('character-device');
  expect([file.write(new Uint8Array(4), 0, 4), asked(), file.seek(0, 'cur')]).toEqual([4, 0, 'SPIPE']);
});
