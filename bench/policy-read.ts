// Reading a policy: time for each character, of a long one beside a short one of the same kind. Where they differ much, reading
// is not linear.
import { readPolicy } from '../src/machine/policy.ts';
import type { Subject } from './subject.ts';

const LONG = 2 ** 18;
const SHORT = 2 ** 14;
const KINDS: Record<string, { open: string; part: string }> = {
  names: { open: 'process:\n  allowed_syscalls:\n', part: '    - path_open\n' },
  conditions: {
    open: 'process:\n  denied_syscalls:\n',
    part: '    - { call: path_open, when: { path: ["/data/**", "!/data/*.txt"] }, action: kill } # no\n',
  },
  mistakes: { open: 'process:\n  allowed_syscalls:\n', part: '    - path_opne\n' },
};

/** Nanoseconds a character; as much is read of the short as of the long. */
async function perCharacter({ open, part }: { open: string; part: string }, length: number): Promise<number> {
  const text = open + part.repeat(Math.floor((length - open.length) / part.length));
  const times = LONG / length;
  const begunMs = performance.now();
  for (let i = 0; i < times; i++) await readPolicy({ text }).catch(() => undefined);
  return ((performance.now() - begunMs) * 1e6) / (text.length * times);
}

export function subjects(): Subject[] {
  return Object.entries(KINDS).map(([name, kind]) => ({
    name: `a character of a policy of 256 KiB: ${name}`,
    unit: 'ns',
    rounds: 9,
    contenders: [
      { name: 'superos', round: () => perCharacter(kind, LONG) },
      { name: '16 KiB', round: () => perCharacter(kind, SHORT) },
    ],
    target: { most: 2, of: '16 KiB' },
  }));
}
