import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generationAfter, PidTable } from '../../src/kernel/pid.ts';

const CAPACITY = 2 ** 15 - 1;

describe('process numbers', () => {
  test('are positive, different, and lead back to what they were given for', () => {
    const table = new PidTable<{ pid: number }>();
    const made = Array.from({ length: 100 }, () => table.insert((pid) => ({ pid }))!);
    expect(new Set(made.map(({ pid }) => pid)).size).toBe(100);
    expect(made.every(({ pid }) => pid > 0 && pid < 2 ** 31)).toBe(true);
    for (const one of made) expect(table.get(one.pid)).toBe(one);
    expect([...table]).toEqual(made);
  });

  test('end when every index is taken, and go on with the one that is freed first', () => {
    const table = new PidTable<number>();
    const pids = Array.from({ length: CAPACITY }, () => table.insert((pid) => pid)!);
    expect(table.insert((pid) => pid)).toBeUndefined();
    expect(table.size).toBe(CAPACITY);
    const freed = [pids[7]!, pids[3]!, pids[5]!];
    for (const pid of freed) table.remove(pid);
    const reused = freed.map(() => table.insert((pid) => pid)!);
    // The same indices in the order they were freed, a generation later.
    expect(reused).toEqual(freed.map((pid) => pid + 2 ** 15));
    expect(table.insert((pid) => pid)).toBeUndefined();
    for (const pid of freed) expect(table.get(pid)).toBeUndefined();
  });

  test('are free again, after all others, where what they were for cannot be made', () => {
    const table = new PidTable<number>();
    const fails = () => {
      throw new Error('no');
    };
    expect(() => table.insert(fails)).toThrow('no');
    const pids = Array.from({ length: CAPACITY - 1 }, () => table.insert((pid) => pid)!);
    // The only free one is that of the first try.
    expect(() => table.insert(fails)).toThrow('no');
    const last = table.insert((pid) => pid)!;
    expect(pids).not.toContain(last);
    expect(table.insert((pid) => pid)).toBeUndefined();
    table.remove(pids[1]!);
    table.remove(pids[0]!);
    expect(() => table.insert(fails)).toThrow('no');
    expect([table.insert((pid) => pid), table.insert((pid) => pid)]).toEqual([pids[0]! + 2 ** 15, pids[1]! + 2 ** 15]);
    expect(table.size).toBe(CAPACITY);
  });

  test('do not name another process for tens of thousands of generations', () => {
    const table = new PidTable<number>();
    for (let i = 0; i < CAPACITY - 1; i++) table.insert((pid) => pid);
    const seen = new Set<number>();
    for (let i = 0; i < 65_536; i++) {
      const pid = table.insert((made) => made)!;
      expect(seen.has(pid)).toBe(false);
      seen.add(pid);
      table.remove(pid);
    }
    expect(Math.max(...seen)).toBeLessThan(2 ** 31);
    expect(Math.min(...seen)).toBeGreaterThan(0);
  });

  test('of others are no process: 0, guessed ones, stale ones', () => {
    const table = new PidTable<number>();
    const pid = table.insert((made) => made)!;
    for (const other of [0, -1, pid + 1, pid + 2 ** 15, 2 ** 31 - 1, 2 ** 32, 0.5, Number.NaN])
      expect(table.get(other)).toBeUndefined();
    table.remove(pid + 2 ** 15);
    expect(table.size).toBe(1);
    table.remove(pid);
    table.remove(pid);
    expect([table.size, table.get(pid), [...table]]).toEqual([0, undefined, []]);
  });

  test('of several kernels are all different, and of one that takes the place of another too', () => {
    const seen = new Set<number>();
    const use = (table: PidTable<number>, count: number): number => {
      let greatest = 0;
      for (let i = 0; i < count; i++) {
        const pid = table.insert((made) => made)!;
        expect(seen.has(pid)).toBe(false);
        seen.add(pid);
        greatest = Math.max(greatest, pid);
        if (i % 3 !== 0) table.remove(pid);
      }
      return greatest;
    };
    const step = 3;
    for (let first = 0; first < step; first++) {
      const share = { first, step };
      const greatest = use(new PidTable<number>(share), CAPACITY + 500);
      const next = generationAfter(greatest, share);
      expect(next.first % step).toBe(first);
      use(new PidTable<number>(next), 500);
      expect(generationAfter(0, { first: 1, step })).toEqual({ first: 1, step });
    }
    // Past the last generation it begins anew.
    expect(generationAfter(2 ** 31 - 1, { first: 1, step: 2 }).first).toBe(1);
  });

  test('as a map would have them', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(40)), { maxLength: 300 }), (steps) => {
        const table = new PidTable<{ pid: number }>();
        const model = new Map<number, { pid: number }>();
        const all: number[] = [];
        for (const step of steps) {
          if (step === null) {
            const made = table.insert((pid) => ({ pid }))!;
            expect(model.has(made.pid)).toBe(false);
            model.set(made.pid, made);
            all.push(made.pid);
          } else if (all.length > 0) {
            const pid = all[step % all.length]!;
            table.remove(pid);
            model.delete(pid);
          }
          expect(table.size).toBe(model.size);
          for (const pid of all) expect(table.get(pid)).toBe(model.get(pid));
        }
      }),
    );
  });
});
