import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Account } from '../../src/kernel/account.ts';
import { DEFAULT_LIMITS, type Limits, RESOURCE, type Resource } from '../../src/kernel/limits.ts';

const { fds, memory, cpuNs, output, written } = RESOURCE;
const NONE = Number.POSITIVE_INFINITY;
const account = (parent?: Account, limits: Partial<Limits> = {}) => new Account(parent, { ...DEFAULT_LIMITS, ...limits });

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('a charge', () => {
  test('counts against every account above', () => {
    const grandparent = account();
    const parent = account(grandparent);
    const child = account(parent);
    expect(child.charge(memory, 10)).toBe(true);
    expect(parent.charge(memory, 5)).toBe(true);
    expect([grandparent, parent, child].map((one) => [one.own(memory), one.used(memory)])).toEqual([
      [0, 15],
      [5, 15],
      [10, 10],
    ]);
    child.release(memory, 4);
    expect(grandparent.standing(memory)).toEqual({ soft: 2 ** 32, hard: 2 ** 32, used: 11, peak: 15 });
  });

  test('is refused by the one with the least room, and then changes none', () => {
    const parent = account(undefined, { fds: 5 });
    const [a, b] = [account(parent, { fds: 4 }), account(parent)];
    expect([a.charge(fds, 3), b.charge(fds, 2), a.charge(fds, 1), b.charge(fds, 1)]).toEqual([true, true, false, false]);
    expect([parent.used(fds), a.used(fds), b.used(fds), a.room(fds)]).toEqual([5, 3, 2, 0]);
    b.release(fds, 2);
    expect([a.room(fds), b.room(fds)]).toEqual([1, 2]);
  });

  test('of more than is there is given back by nobody', () => {
    const parent = account();
    const child = account(parent);
    parent.charge(fds, 3);
    child.charge(fds, 1);
    expect(() => child.release(fds, 2)).toThrow('fds');
    expect([parent.used(fds), child.used(fds)]).toEqual([4, 1]);
  });
});

describe('what is written', () => {
  const usedBy = (accounts: readonly Account[], resource: typeof output | typeof written) =>
    accounts.map((one) => [one.standing(resource).used, one.standing(resource).peak]);

  test('without a bound is charged to all above, whoever asks first, and when it has ended', () => {
    const all = [account()];
    for (let i = 0; i < 2; i++) all.push(account(all[i]));
    const [grandparent, parent, child] = all as [Account, Account, Account];
    child.wrote('written', 5);
    parent.wrote('written', 2);
    expect(usedBy([grandparent, parent, child], written)).toEqual([
      [7, 7],
      [7, 7],
      [5, 5],
    ]);
    child.wrote('output', 3);
    child.wrote('written', 1);
    child.close();
    expect([grandparent.used(output), grandparent.used(written)]).toEqual([3, 8]);
    expect(usedBy([child, parent], output)).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });

  test('by what has ended keeps nothing of it', async () => {
    const parent = account();
    const ended = () => {
      const child = account(parent);
      child.wrote('written', 5);
      child.close();
      return new WeakRef(child);
    };
    const reference = ended();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(reference.deref()).toBeUndefined();
    expect(parent.used(written)).toBe(5);
  });

  test.each([
    ['its own', {}, { written: 10 }],
    ['one above', { output: 10 }, {}],
    ['a soft one', { soft: { written: 10 } }, {}],
  ] as const)('under a bound, %s, is charged at once', (_, above, own) => {
    const parent = account(undefined, above);
    const told: Resource[] = [];
    parent.holder = { exceeded: (resource) => told.push(resource) };
    const child = account(parent, own);
    expect(child.boundless).toBe(false);
    child.wrote('written', 11);
    child.wrote('output', 1);
    expect([child.writable('written'), child.writable('output')]).toEqual([
      'written' in own ? 0 : NONE,
      'output' in above ? 9 : NONE,
    ]);
    expect(told).toEqual('soft' in above ? ['written'] : []);
  });
});

describe('a soft bound', () => {
  test('is told of each time that use goes beyond it, to whom it is of', () => {
    const told: [string, Resource][] = [];
    const parent = account(undefined, { soft: { memory: 10 } });
    const child = account(parent, { memory: 100, soft: { memory: 100, fds: 2 } });
    parent.holder = { exceeded: (resource) => told.push(['parent', resource]) };
    child.holder = { exceeded: (resource) => told.push(['child', resource]) };
    child.charge(memory, 10);
    expect(told.splice(0)).toEqual([]);
    child.charge(memory, 1);
    child.charge(memory, 50);
    expect(told.splice(0)).toEqual([['parent', 'memory']]);
    child.release(memory, 60);
    child.charge(fds, 3);
    child.charge(memory, 60);
    expect(told).toEqual([
      ['child', 'fds'],
      ['parent', 'memory'],
    ]);
  });

  test('at the hard one, or above it, is none', () => {
    const one = account(undefined, { fds: 5, soft: { fds: 9 } });
    one.holder = { exceeded: () => expect.unreachable() };
    expect([one.charge(fds, 5), one.charge(fds, 1), one.standing(fds).soft]).toEqual([true, false, 5]);
  });
});

describe('CPU time', () => {
  test('is left until the nearest bound of all', () => {
    const parent = account(undefined, { cpuNs: 1000, soft: { cpuNs: 600 } });
    const child = account(parent, { cpuNs: 500 });
    expect([account().cpuLeftNs, parent.cpuLeftNs, child.cpuLeftNs]).toEqual([NONE, 600, 500]);
    child.add(cpuNs, 400);
    expect([parent.cpuLeftNs, child.cpuLeftNs]).toEqual([200, 100]);
    parent.add(cpuNs, 300);
    expect([parent.cpuLeftNs, child.cpuLeftNs, child.cpuSpentNs]).toEqual([300, 100, undefined]);
    child.add(cpuNs, 100);
    expect([child.cpuSpentNs, parent.cpuSpentNs]).toEqual([500, undefined]);
    parent.add(cpuNs, 300);
    expect([parent.cpuSpentNs, parent.cpuLeftNs]).toEqual([1000, 1]);
  });
});
