// Trees of capabilities that guests could make to do harm: deep, wide, and with objects that fail.
import { describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import type { CapObject } from '../../src/caps/object.ts';
import { Parcel } from '../../src/caps/parcel.ts';
import { CapTable } from '../../src/caps/table.ts';
import { ToyChannel, ToyFile } from './toys.ts';

const ALL = 2 ** 31 - 1;
const MANY = 200_000;
const root = () => new Capability(new ToyFile(0, 0), ALL, ALL);

describe('revoking', () => {
  test('ends with trees as deep as a guest can make them, and as wide', () => {
    for (const next of [
      (of: Capability<ToyFile>, _top: Capability<ToyFile>) => of,
      (_of: Capability<ToyFile>, top: Capability<ToyFile>) => top,
    ]) {
      const top = root();
      let last = top;
      const all = Array.from({ length: MANY }, () => {
        last = next(last, top).derive(ALL, ALL);
        return last;
      });
      top.revoke();
      expect([top.live, all.some(({ live }) => live), top.object.destroyed]).toEqual([true, false, 0]);
      top.revoke();
      top.drop();
      expect(top.object.destroyed).toBe(1);
    }
  });

  test('reaches what is beneath one that was closed', () => {
    const top = root();
    const directory = top.derive(ALL, ALL);
    const files = [1, 2, 3].map((id) => directory.open(new ToyFile(id, 0), ALL, ALL));
    const copy = files[0]!.derive(ALL, ALL);
    directory.drop();
    files[0]!.drop();
    top.revoke();
    expect([...files, copy].map(({ live, object }) => [live, object.destroyed])).toEqual(
      Array.from({ length: 4 }, () => [false, 1]),
    );
  });

  test('does not reach what is beside it, nor what it came from', () => {
    const top = root();
    const [first, second] = [top.derive(ALL, ALL), top.derive(ALL, ALL)];
    const [under, beside] = [first.derive(ALL, ALL), second.derive(ALL, ALL)];
    first.revoke();
    expect([top, first, second, under, beside].map(({ live }) => live)).toEqual([true, true, true, false, true]);
  });

  test('a root that was dropped revokes nothing', () => {
    const top = root();
    const child = top.derive(ALL, ALL);
    top.drop();
    top.revoke();
    expect(child.live).toBe(true);
    expect(() => top.derive(ALL, ALL)).toThrow('a dead capability was used');
    const file = new ToyFile(1, 0);
    expect(() => top.open(file, ALL, ALL)).toThrow('a dead capability was used');
    expect(file.destroyed).toBe(1);
  });

  test('all are dead, and released, although one fails at its end', () => {
    class Failing extends ToyFile {
      protected override destroy(): void {
        super.destroy();
        throw new Error(`object ${this.id} failed`);
      }
    }
    const table = new CapTable(10);
    const top = root();
    const opened = [1, 2, 3].map((id) => top.open(id === 2 ? new Failing(id, 0) : new ToyFile(id, 0), ALL, ALL));
    for (const one of opened) table.insert(one);
    expect(() => top.revoke()).toThrow('object 2 failed');
    expect([opened.map(({ live, object }) => [live, object.destroyed]), table.size]).toEqual([
      [1, 2, 3].map(() => [false, 1]),
      0,
    ]);
    top.revoke();
  });

  test('ends on channels that are in each other’s messages', () => {
    const table = new CapTable(10);
    const top = new Capability<CapObject>(new ToyChannel(0, 0), ALL, ALL);
    const channels = [1, 2].map((id) => top.open(new ToyChannel(id, 0), ALL, ALL));
    const numbers = channels.map((one) => table.insertHandle(one as unknown as Capability<CapObject>)!);
    for (const [i, { object }] of channels.entries()) {
      const parcel = Parcel.pack(table, [numbers[1 - i]!], 'copy', object);
      if (typeof parcel === 'string') throw new Error(parcel);
      object.queue.push(parcel);
    }
    for (const number of numbers) table.closeHandle(number);
    // Nobody can use them any more, yet they keep each other.
    expect(channels.map(({ object }) => object.destroyed)).toEqual([0, 0]);
    top.revoke();
    expect(channels.map(({ object }) => object.destroyed)).toEqual([1, 1]);
  });
});

describe('what a guest closes leaves little behind', () => {
  test('duplicating and closing without end makes no chain', () => {
    const top = root();
    const beside = top.derive(ALL, ALL);
    let last = top.derive(ALL, ALL);
    for (let i = 0; i < MANY; i++) {
      const next = last.derive(ALL, ALL);
      last.drop();
      last = next;
    }
    top.revoke();
    expect([last.live, beside.live, top.object.destroyed]).toEqual([false, false, 0]);
  });

  test('closing takes the same time whatever is beneath', () => {
    // Each of them has all the children in turn, if those are handed up one by one: 10^10 steps, which would not end.
    const top = root();
    const chain = [top];
    for (let i = 0; i < MANY; i++) chain.push(chain.at(-1)!.derive(ALL, ALL));
    const leaves = Array.from({ length: MANY }, () => chain.at(-1)!.derive(ALL, ALL));
    for (const one of chain.slice(1).reverse()) one.drop();
    expect(leaves.every(({ live }) => live)).toBe(true);
    top.revoke();
    expect(leaves.some(({ live }) => live)).toBe(false);
  });
});
