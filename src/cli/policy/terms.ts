// What a policy says beside its calls, in words: whom it is for, what it gives, its bounds and its surroundings.
import { grantsOf } from '../../caps/policy/narrow.ts';
import type { Granted, Limit, Policy } from '../../caps/policy/policy.ts';
import { covers, parseGrant } from '../../machine/grammar.ts';
import { where } from './words.ts';

/** Undefined where it does not say. */
export const granted = (policy: Policy): readonly Granted[] | undefined =>
  grantsOf(policy, (wide, narrow) => covers(parseGrant(wide), parseGrant(narrow)));

/** Of each part that the policy speaks of, its name and what it says. */
export function termsWords(policy: Policy): (readonly [what: string, text: string])[] {
  const { namespaces, limits } = policy;
  const { pid, hostname, environment, mounts } = namespaces;
  const grants = granted(policy);
  const variables = Object.entries(environment.set).map(([name, value]) => `${name}=${value}`);
  const said: (readonly [string, string | undefined])[] = [
    [
      'for',
      policy.for?.map(({ program, sha256 }) => [program, sha256 && `sha256 ${sha256}`].filter(Boolean).join(' with ')).join(', '),
    ],
    ['capabilities', grants && listed(grants.map(({ text, place }) => `${text} (${where(place)})`))],
    ['limits', some(Object.entries(limits).map(([name, limit]) => limitWords(name, limit)))],
    ['pids', pid ? 'its own, from 1' : undefined],
    ['host name', hostname],
    [
      'variables passed on',
      environment.pass.length === 0
        ? undefined
        : listed(
            environment.pass.map((one) => listed(one)),
            ' and ',
          ),
    ],
    ['variables set', some(variables)],
    [
      'directories seen',
      mounts.length === 0
        ? undefined
        : listed(
            mounts.map((one) => listed(one)),
            ' and ',
          ),
    ],
  ];
  return said.filter((one): one is readonly [string, string] => one[1] !== undefined);
}

const listed = (words: readonly string[], by = ', '): string => (words.length === 0 ? 'none' : words.join(by));
const some = (words: readonly string[]): string | undefined => (words.length === 0 ? undefined : words.join(', '));

function limitWords(name: string, { soft, hard, place }: Limit): string {
  const amount = (value: number) =>
    TIMES.includes(name) ? `${value} ms` : SIZES.includes(name) ? sizeWords(value) : String(value);
  return `${name} ${amount(hard)}${soft === undefined ? '' : ` (soft ${amount(soft)})`} (${where(place)})`;
}

const TIMES: readonly string[] = ['timeout', 'cpuTime'];
const SIZES: readonly string[] = ['memory', 'pipes', 'output', 'written'];

/** In the largest unit that it is a whole number of. */
function sizeWords(bytes: number): string {
  const power = [4, 3, 2, 1].find((n) => bytes > 0 && bytes % 1024 ** n === 0) ?? 0;
  return `${bytes / 1024 ** power}${['', 'k', 'm', 'g', 't'][power]}`;
}
