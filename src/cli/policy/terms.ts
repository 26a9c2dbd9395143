// What a policy says beside its calls, in words: whom it is for, what it gives, its bounds and its surroundings.
import type { Limit, Policy } from '../../caps/policy/policy.ts';
import { LIMITS } from '../../caps/policy/schema.ts';
import { grantedBy, targetWords } from '../../machine/governed.ts';
import { where } from './words.ts';

/** Of each part that the policy speaks of, its name and what it says. */
export function termsWords(policy: Policy): (readonly [what: string, text: string])[] {
  const { namespaces, limits } = policy;
  const { pid, hostname, environment, mounts } = namespaces;
  const grants = grantedBy(policy);
  const variables = Object.entries(environment.set).map(([name, value]) => `${name}=${value}`);
  const said: (readonly [string, string | undefined])[] = [
    ['for', targetWords(policy)],
    ['capabilities', grants && listed(grants.map(({ text, place }) => `${text} (${where(place)})`))],
    ['limits', some(Object.entries(limits).map(([name, limit]) => limitWords(name, limit)))],
    ['pids', pid ? 'its own, from 1' : undefined],
    ['host name', hostname],
    ['variables passed on', all(environment.pass)],
    ['variables set', some(variables)],
    ['directories seen', all(mounts)],
  ];
  return said.filter((one): one is readonly [string, string] => one[1] !== undefined);
}

const listed = (words: readonly string[]): string => (words.length === 0 ? 'none' : words.join(', '));
const some = (words: readonly string[]): string | undefined => (words.length === 0 ? undefined : words.join(', '));

/** Of several lists, each of which must hold. */
const all = (lists: readonly (readonly string[])[]): string | undefined =>
  lists.length === 0 ? undefined : lists.map(listed).join(' and ');

function limitWords(name: string, { soft, hard, place }: Limit): string {
  const amount = AMOUNTS[LIMITS[name]!.kind];
  return `${name} ${amount(hard)}${soft === undefined ? '' : ` (soft ${amount(soft)})`} (${where(place)})`;
}

const AMOUNTS = { size: sizeWords, time: (value: number) => `${value} ms`, count: String } as const;

/** In the largest unit that it is a whole number of. */
function sizeWords(bytes: number): string {
  const power = [4, 3, 2, 1].find((n) => bytes > 0 && bytes % 1024 ** n === 0) ?? 0;
  return `${bytes / 1024 ** power}${['', 'k', 'm', 'g', 't'][power]}`;
}
