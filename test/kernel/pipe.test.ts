import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pipe, PipeEnd } from '../../src/kernel/pipe.ts';

const settled = async (promise: Promise<void> | undefined): Promise<boolean> => {
  let done = promise === undefined;
  void promise?.then(() => {
    done = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  return done;
};

/** Both ends of a pipe of this size. */
const ends = (bytes: number) => {
  const pipe = new Pipe(bytes);
  return { reader: new PipeEnd(pipe, 'read'), writer: new PipeEnd(pipe, 'write') };
};

describe('a pipe', () => {
  test('is a bounded queue of bytes, whatever the sizes of reads and writes', () => {
    // Small ones that are often full, and ones whose buffers grow while they hold something.
    const step = (most: number) => fc.array(fc.record({ write: fc.boolean(), length: fc.nat(most) }), { maxLength: 200 });
    const some = (capacity: number, most: number) => fc.tuple(fc.integer({ min: 1, max: capacity }), step(most));
    fc.assert(
      fc.property(fc.oneof(some(32, 40), some(5000, 700)), ([capacity, steps]) => {
        const { reader, writer } = ends(capacity);
        const model: number[] = [];
        let next = 0;
        for (const { write, length } of steps) {
          if (write) {
            const bytes = Uint8Array.from({ length: length + 4 }, (_, i) => (next + i - 2) & 0xff);
            const room = capacity - model.length;
            const written = writer.write(bytes, 2, length);
            if (room === 0 && length > 0) expect(written).toBe('AGAIN');
            else {
              expect(written).toBe(Math.min(room, length));
              for (let i = 0; i < Number(written); i++) model.push((next + i) & 0xff);
              next += Number(written);
            }
          } else {
            const into = new Uint8Array(length + 4).fill(0xee);
            const read = reader.read(into, 2, length);
            if (model.length === 0 && length > 0) expect(read).toBe('AGAIN');
            else {
              expect(read).toBe(Math.min(model.length, length));
              const expected = model.splice(0, Number(read));
              expect([...into.subarray(2, 2 + Number(read))]).toEqual(expected);
              // Nothing before or behind.
              expect([into[0], into[1], into[2 + Number(read)]]).toEqual([0xee, 0xee, 0xee]);
            }
          }
          expect(reader.available()).toBe(model.length);
          expect(reader.ready('read') === undefined).toBe(model.length > 0);
          expect(writer.ready('write') === undefined).toBe(model.length < capacity);
        }
      }),
    );
  });

  test('wakes who waits: a reader for a byte, a writer for room', async () => {
    const { reader, writer } = ends(4);
    const readable = reader.ready('read');
    expect(await settled(readable)).toBe(false);
    expect(reader.ready('read')).toBe(readable);
    writer.write(Uint8Array.of(1, 2, 3, 4), 0, 4);
    expect(await settled(readable)).toBe(true);
    const writable = writer.ready('write');
    expect(await settled(writable)).toBe(false);
    reader.read(new Uint8Array(1), 0, 1);
    expect(await settled(writable)).toBe(true);
  });

  test('ends for the reader when the last writer is gone, after what was written', async () => {
    const { reader, writer } = ends(4);
    const waiting = reader.ready('read');
    writer.retain();
    writer.write(Uint8Array.of(7), 0, 1);
    writer.release();
    const into = new Uint8Array(4);
    expect(reader.read(into, 0, 4)).toBe(1);
    expect(reader.read(into, 0, 4)).toBe('AGAIN');
    writer.release();
    expect(await settled(waiting)).toBe(true);
    expect([reader.read(into, 0, 4), reader.read(into, 0, 4), reader.ready('read')]).toEqual([0, 0, undefined]);
  });

  test('is broken for the writer when the last reader is gone, and it wakes', async () => {
    const { reader, writer } = ends(1);
    writer.write(Uint8Array.of(1), 0, 1);
    const waiting = writer.ready('write');
    expect(await settled(waiting)).toBe(false);
    reader.release();
    expect(await settled(waiting)).toBe(true);
    expect([writer.write(Uint8Array.of(1), 0, 1), writer.write(Uint8Array.of(1), 0, 0), writer.ready('write')]).toEqual([
      'PIPE',
      'PIPE',
      undefined,
    ]);
  });

  test('has a direction', () => {
    const { reader, writer } = ends(1);
    expect([reader.write(Uint8Array.of(1), 0, 1), writer.read(new Uint8Array(1), 0, 1), writer.available()]).toEqual([
      'BADF',
      'BADF',
      0,
    ]);
  });
});
