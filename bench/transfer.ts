// Moving 64 bytes with each call, between a guest and files that it opened: what `write` and `read` have in common.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Caller, superosCaller, wasiCaller } from './guests.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

const CALLS = 10_000;
const LENGTH = 64;
const ROUNDS = 31;
const FILE = 'bytes';

type Move = 'write' | 'read';

/** On each of the host's files that a guest can have; a new file has bytes for all that is read in a round. */
export async function transfers(scratch: Scratch, move: Move): Promise<Subject[]> {
  const places = [
    { where: '/dev/null of the host', directory: '/dev', file: 'null' },
    { where: 'file on disk', directory: scratch.disk, file: FILE },
    ...(scratch.memory === undefined ? [] : [{ where: 'file on tmpfs', directory: scratch.memory, file: FILE }]),
  ];
  for (const { directory, file } of places) if (file === FILE) writeFileSync(join(directory, file), Buffer.alloc(CALLS * LENGTH));
  const directories = places.map(({ directory }) => directory);
  const superos = await superosCaller(directories);
  const wasi = wasiCaller(directories);
  const subjects: Subject[] = [];
  for (const [index, { where, directory, file }] of places.entries()) {
    const round = (caller: Caller, fd: number) => async () => {
      if (file === FILE) await caller.call('rewind', fd);
      return nanoseconds(CALLS, () => caller.call(move, CALLS, fd, LENGTH));
    };
    subjects.push({
      name: `fd_${move} ${LENGTH} B: ${where}`,
      unit: 'ns',
      rounds: ROUNDS,
      contenders: [
        { name: 'superos', round: round(superos, await superos.open(index, file)) },
        { name: 'node:wasi', round: round(wasi, await wasi.open(index, file)) },
        { name: 'native', round: () => scratch.nativeRound(move, CALLS, join(directory, file), String(LENGTH)) },
      ],
      target: { most: 1, of: 'node:wasi' },
    });
  }
  return [await ownNull(superos, wasi, places.length, scratch, move), ...subjects];
}

/** Each one's own /dev/null: node:wasi has that of the machine; ours is the kernel's, in the directory after those given. */
async function ownNull(superos: Caller, wasi: Caller, devices: number, scratch: Scratch, move: Move): Promise<Subject> {
  const ours = await superos.open(devices, 'null');
  const theirs = await wasi.open(0, 'null');
  return {
    name: `fd_${move} ${LENGTH} B: /dev/null`,
    unit: 'ns',
    rounds: ROUNDS,
    contenders: [
      { name: 'superos', round: () => nanoseconds(CALLS, () => superos.call(move, CALLS, ours, LENGTH)) },
      { name: 'node:wasi', round: () => nanoseconds(CALLS, () => wasi.call(move, CALLS, theirs, LENGTH)) },
      { name: 'native', round: () => scratch.nativeRound(move, CALLS, '/dev/null', String(LENGTH)) },
    ],
    target: { most: 1, of: 'node:wasi' },
  };
}
