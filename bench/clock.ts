// Reading the clocks.
import { superosCaller, wasiCaller } from './guests.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

const CALLS = 100_000;
const CLOCKS = [
  { name: 'monotonic', call: 'clock' },
  { name: 'realtime', call: 'realtime' },
];

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const superos = await superosCaller([]);
  const wasi = wasiCaller([]);
  return CLOCKS.map(({ name, call }) => ({
    name: `clock_time_get: ${name}`,
    unit: 'ns',
    rounds: 41,
    contenders: [
      { name: 'superos', round: () => nanoseconds(CALLS, () => superos.call(call, CALLS)) },
      { name: 'node:wasi', round: () => nanoseconds(CALLS, () => wasi.call(call, CALLS)) },
      { name: 'native', round: () => scratch.nativeRound(name, CALLS) },
    ],
    target: { below: 'node:wasi' },
  }));
}
