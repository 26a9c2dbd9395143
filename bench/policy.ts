// What a policy costs: a call that it allows whatever the arguments beside the same call without a policy, and opening a file with
// a rule about its path beside opening it without.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicySource } from '../src/index.ts';
import { CALLS } from '../src/syscalls/table.ts';
import { superosCaller } from './guests.ts';
import { nanoseconds, type Subject } from './subject.ts';

const NULL_CALLS = 100_000;
const OPENS = 200;
const RULES = 200;

/** So many rules, half of them about paths, none of which is about the null call but the list that allows it. */
function ruled(): PolicySource {
  const others = CALLS.filter((name) => name.startsWith('path_'));
  const entries = Array.from({ length: RULES - 1 }, (_, i) => {
    const call = others[i % others.length]!;
    return i % 2 === 0
      ? `    - { call: ${call}, when: { path: "/none/${i}/**" } }`
      : `    - { call: fd_write, when: { size: "> ${i}m" } }`;
  });
  const [denied, allowed] = [entries.slice(0, RULES / 2), entries.slice(RULES / 2)];
  return {
    text: `process:\n  allowed_syscalls:\n    - "@args"\n    - "@fd"\n    - "@io"\n    - path_open\n${allowed.join('\n')}\n  denied_syscalls:\n${denied.join('\n')}\n`,
  };
}

const pathRule: PolicySource = {
  text: 'process: { denied_syscalls: [{ call: path_open, when: { path: ["/0/private/**", "/0/*.key"] } }] }',
};

export async function subjects(): Promise<Subject[]> {
  const directory = mkdtempSync(join(tmpdir(), 'superos-bench-policy-'));
  writeFileSync(join(directory, 'file'), 'x');
  const [plain, ruledCaller, opener, judged] = await Promise.all([
    superosCaller([]),
    superosCaller([], ruled()),
    superosCaller([directory]),
    superosCaller([directory], pathRule),
  ]);
  const opens = (caller: typeof opener) => () => nanoseconds(OPENS, () => caller.openOften(0, 'file', OPENS));
  return [
    {
      name: `null call: a policy of ${RULES} rules`,
      unit: 'ns',
      rounds: 41,
      contenders: [
        { name: 'superos', round: () => nanoseconds(NULL_CALLS, () => ruledCaller.call('fdstat', NULL_CALLS)) },
        { name: 'no policy', round: () => nanoseconds(NULL_CALLS, () => plain.call('fdstat', NULL_CALLS)) },
      ],
      target: { most: 1.05, of: 'no policy' },
      close: () => Promise.all([plain.close(), ruledCaller.close()]),
    },
    {
      name: 'open and close: a rule about its path',
      unit: 'ns',
      rounds: 201,
      contenders: [
        { name: 'superos', round: opens(judged) },
        { name: 'no policy', round: opens(opener) },
      ],
      target: { above: 1000, of: 'no policy' },
      close: async () => {
        await Promise.all([opener.close(), judged.close()]);
        rmSync(directory, { recursive: true });
      },
    },
  ];
}
