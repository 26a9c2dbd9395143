// A call that only reads what the kernel knows. The native counterparts do the least that a system call can, and the same.
import { superosCaller, wasiCaller } from './guests.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

const CALLS = 100_000;

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const superos = await superosCaller([]);
  const wasi = wasiCaller([]);
  return [
    {
      name: 'null call: fd_fdstat_get',
      unit: 'ns',
      rounds: 41,
      contenders: [
        { name: 'superos', round: () => nanoseconds(CALLS, () => superos.call('fdstat', CALLS)) },
        { name: 'node:wasi', round: () => nanoseconds(CALLS, () => wasi.call('fdstat', CALLS)) },
        { name: 'native', round: () => scratch.nativeRound('fstat', CALLS) },
        { name: 'getppid', round: () => scratch.nativeRound('getppid', CALLS) },
      ],
      target: { most: 30 },
      close: () => superos.close(),
    },
  ];
}
