// Sizes and times as people write them.
import { SuperosError } from './error.ts';

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Bytes of `64m`, `1g`, `65536`: powers of 1024, as Docker has it. A number is bytes. */
export function parseSize(text: string | number): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(String(text)) ?? [];
  const bytes = Math.floor(Number(amount) * (SIZE_UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (amount === '' || !Number.isSafeInteger(bytes))
    throw new SuperosError('invalid-argument', `a size is expected, such as 64m or 1g, not '${text}'`);
  return bytes;
}

/** Nanoseconds of `500ms`, `2s`, `1m`, `1.5h`. A bare number is seconds on the command line, milliseconds in a program. */
export function parseTime(text: string | number, bare: 'ms' | 's'): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(String(text)) ?? [];
  const ns = Math.floor(Number(amount) * TIME_UNITS[unit === '' ? bare : unit]!);
  if (amount === '' || !Number.isFinite(ns))
    throw new SuperosError('invalid-argument', `a time is expected, such as 500ms or 2s, not '${text}'`);
  return ns;
}
