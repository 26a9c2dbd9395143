// The embedder's ends of standard streams: every byte arrives, in whatever way and at whatever pace it is read or written.
import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { CPUS } from './guests.ts';

const cat = new URL('../../guests/bin/cat.wasm', import.meta.url);
/** From less than a pipe holds to many times that, and no multiple of it. */
const SIZES = [0, 1, 65_536, 65_537, 200_003, 3_000_001];

function sample(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >>> 8)) & 0xff;
  return bytes;
}
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

type Reading = (child: ChildProcess) => Promise<Buffer>;
const READINGS: Record<string, Reading> = {
  'for await': (child) => buffer(child.stdout!),
  data: async ({ stdout }) => {
    const chunks: Buffer[] = [];
    await new Promise((resolve) => {
      stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
      stdout!.on('end', resolve);
    });
    return Buffer.concat(chunks);
  },
  'readable, in odd pieces': async ({ stdout }) => {
    const chunks: Buffer[] = [];
    await new Promise((resolve) => {
      stdout!.on('readable', () => {
        for (let chunk: Buffer | null = stdout!.read(777); chunk !== null; chunk = stdout!.read(777)) chunks.push(chunk);
        const rest: Buffer | null = stdout!.read();
        if (rest !== null) chunks.push(rest);
      });
      stdout!.on('end', resolve);
    });
    return Buffer.concat(chunks);
  },
  'slowly, with pauses': async ({ stdout }) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stdout!) {
      chunks.push(chunk);
      stdout!.pause();
      await setImmediate();
    }
    return Buffer.concat(chunks);
  },
  pipeline: async ({ stdout }) => {
    const chunks: Buffer[] = [];
    const write = (chunk: Buffer, _encoding: string, done: () => void) => {
      chunks.push(chunk);
      globalThis.setImmediate(done);
    };
    await pipeline(stdout!, new Writable({ highWaterMark: 1, write }));
    return Buffer.concat(chunks);
  },
};

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  describe.each(Object.entries(READINGS))('%s', (_name, read) => {
    test.each(SIZES)('%i bytes', async (size) => {
      const child = await machine.process(cat).spawn();
      const bytes = sample(size);
      child.stderr!.resume();
      child.stdin!.end(bytes);
      const got = await read(child);
      expect([got.length, digest(got)]).toEqual([size, digest(bytes)]);
      expect((await child.wait()).reason).toBe('exit');
    });
  });

  test('run collects what is many times a pipe', async () => {
    const bytes = sample(3_000_001);
    const { stdout } = await machine.process(cat).input(bytes).run();
    expect(digest(stdout)).toBe(digest(bytes));
  });

  test('a piece lies alone in its buffer: who hands that on hands on no other guest\u2019s output', async () => {
    const child = await machine.process(cat).spawn();
    child.stdin!.end('abc');
    const pieces: Buffer[] = await child.stdout!.toArray();
    expect(pieces.map(({ buffer }) => Buffer.from(buffer).toString())).toEqual(['abc']);
  });

  test('a process whose output is given up gets EPIPE and ends', async () => {
    const child = await machine.process(cat).spawn();
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(sample(3_000_001));
    for await (const chunk of child.stdout!) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    const { reason, code } = await child.wait();
    expect(reason === 'signal' || (reason === 'exit' && code !== 0)).toBe(true);
  });
});
