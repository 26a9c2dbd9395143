// POSIX memory mapping as a C program has it, by guests/sdk/c/mman.h: anonymous, and of regions.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { nativeMmu } from '../hal/mmus.ts';
import { guest } from '../machine/guests.ts';

describe.skipIf(nativeMmu() === undefined)('region-mmap.c', () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus: 0 });
  });
  afterAll(() => machine[Symbol.asyncDispose]());
  const run = async (...args: string[]) => {
    const { stdout, status } = await machine.process(guest('region-mmap')).args(args).run();
    return { output: stdout.toString(), ...status };
  };

  test('anonymous memory comes zeroed, goes, and the heap grows around it', async () => {
    expect(await run('anonymous')).toMatchObject({ output: 'ok\n', code: 0 });
  });

  test('a region is what the processes before left in it', async () => {
    await using region = machine.region('256k', { name: 'counter' });
    const count = async () => {
      const process = machine.process(guest('region-mmap')).args(['count', 'region:counter']).capabilities([region]);
      return (await process.run()).stdout.toString();
    };
    expect([await count(), await count(), await count()]).toEqual(['1\n', '2\n', '3\n']);
    expect(new Uint32Array(region.view.buffer)[0]).toBe(3);
  });

  test.each([
    ['before', 'guard pages'],
    ['behind', 'guard pages'],
    ['read-only', /memory at 0x\w+-0x\w+, which can only be read/],
    ['unmapped', 'guard pages'],
  ])('a touch %s traps, and the message says of what', async (where, expected) => {
    const { output, reason, message } = await run(where);
    expect({ output, reason }).toEqual({ output: '', reason: 'trap' });
    expect(message).toMatch(/^memory access out of bounds, /);
    expect(message).toMatch(expected);
  });

  test('who has them by the names of POSIX may use them, and only those', async () => {
    const under = async (names: string) => {
      const policy = { text: `process: { allowed_syscalls: ["@args", "@fd", write, ${names}] }` };
      return (await machine.process(guest('region-mmap')).args(['anonymous']).policy(policy).run()).status.code;
    };
    expect(await under('mmap, munmap, mprotect')).toBe(0);
    for (const names of ['munmap, mprotect', 'mmap, mprotect', 'mmap, munmap'])
      expect([names, await under(names)]).not.toEqual([names, 0]);
  });

  test('who may not use the calls is refused by its policy', async () => {
    const policy = { text: 'version: 1\nprocess:\n  denied_syscalls: ["@memory"]\n' };
    const { status } = await machine.process(guest('region-mmap')).args(['anonymous']).policy(policy).run();
    expect(status.code).not.toBe(0);
  });
});
