// `superos policy diff A B`: what B allows that A does not, and the other way round, with an example for each.
import { type Difference, diffCalls, type Outcome, type Witness } from '../../caps/policy/diff.ts';
import { grantsOf } from '../../caps/policy/narrow.ts';
import type { Policy, Verdict } from '../../caps/policy/policy.ts';
import { factsText } from '../../caps/policy/witness.ts';
import { covers, parseGrant } from '../../machine/grammar.ts';
import { VOCABULARY } from '../../syscalls/vocabulary.ts';
import { STATUS, say } from '../error.ts';
import { type Cell, coloured, paint, print, table } from '../table.ts';
import { load } from './load.ts';
import { actionWords, ruleWords, verdictJson, where } from './words.ts';

const DIFFERENT = 1;

/** The exit status: 0 where both allow the same, as `diff` has it. */
export async function diff(a: string, b: string, { json = false }: { readonly json?: boolean }): Promise<number> {
  const [before, after] = [await load(a), await load(b)];
  const calls = diffCalls(before, after, VOCABULARY);
  const others = [...diffGrants(before, after), ...diffLimits(before, after)];
  if (json) say('stdout', JSON.stringify({ a, b, calls: calls.map(differenceJson), others }));
  else print(lines(a, b, calls, others, coloured()));
  return calls.length + others.length === 0 ? STATUS.ok : DIFFERENT;
}

/** Besides calls: what only one of the two gives. */
export interface Other {
  readonly what: 'capability' | 'limit' | 'namespace';
  readonly name: string;
  readonly a: string;
  readonly b: string;
  /** Which of the two allows more, where that can be told. */
  readonly more: 'a' | 'b' | undefined;
}

export function lines(a: string, b: string, calls: readonly Difference[], others: readonly Other[], colours: boolean): string[] {
  const section = (title: string, rows: readonly (readonly Cell[])[]) =>
    rows.length === 0 ? [] : [paint({ text: title, colour: 'bold' }, colours), ...table(rows, colours)];
  const otherRows = (more: Other['more']) =>
    others
      .filter((one) => one.more === more)
      .map(({ what, name, a, b }): Cell[] => [{ text: `  ${what} ${name}` }, { text: '' }, { text: `${a} -> ${b}` }]);
  const rows = (key: 'gained' | 'lost' | 'changed', colour: Cell['colour']) =>
    calls.flatMap((one): Cell[][] => {
      const witness = one[key];
      return witness === undefined ? [] : [row(one, witness, colour)];
    });
  const found = [
    ...section(`${b} allows, ${a} does not`, [...rows('gained', 'green'), ...otherRows('b')]),
    ...section(`${a} allows, ${b} does not`, [...rows('lost', 'red'), ...otherRows('a')]),
    ...section('otherwise', [
      ...rows('changed', 'yellow'),
      ...otherRows(undefined),
      ...calls
        .filter(({ text }) => text)
        .map(({ call }): Cell[] => [
          { text: `  ${call}` },
          { text: 'the patterns differ; no example was found', colour: 'yellow' },
        ]),
    ]),
  ];
  return found.length > 0 ? found : [`${a} and ${b} allow the same`];
}

function row({ call, a, b }: Difference, witness: Witness, colour: Cell['colour']): Cell[] {
  const always = a !== 'depends' && b !== 'depends';
  const about = always ? '' : factsText(witness.facts);
  const why = (one: Verdict) => `${where(one.place)} ${ruleWords(one)}`;
  return [
    { text: `  ${call}`, colour },
    { text: about === '' ? '' : `such as ${about}` },
    { text: `${actionWords(witness.a.action)} -> ${actionWords(witness.b.action)}` },
    { text: `${why(witness.a)} -> ${why(witness.b)}`, colour: 'dim' },
  ];
}

function diffGrants(a: Policy, b: Policy): Other[] {
  const of = (policy: Policy) => grantsOf(policy, within)?.map(({ text }) => text);
  const [before, after] = [of(a), of(b)];
  if (before === undefined && after === undefined) return [];
  const name = 'list';
  if (before === undefined) return [{ what: 'capability', name, a: 'not said', b: after!.join(', ') || 'none', more: undefined }];
  if (after === undefined) return [{ what: 'capability', name, a: before.join(', ') || 'none', b: 'not said', more: undefined }];
  const only = (list: readonly string[], other: readonly string[]) =>
    list.filter((one) => !other.some((wide) => within(wide, one)));
  return [
    ...only(after, before).map((text): Other => ({ what: 'capability', name: text, a: 'no', b: 'yes', more: 'b' })),
    ...only(before, after).map((text): Other => ({ what: 'capability', name: text, a: 'yes', b: 'no', more: 'a' })),
  ];
}

const within = (wide: string, narrow: string): boolean => wide === narrow || covers(parseGrant(wide), parseGrant(narrow));

function diffLimits({ limits: a, namespaces: spaceA }: Policy, { limits: b, namespaces: spaceB }: Policy): Other[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const text = (limit: Policy['limits'][string] | undefined) =>
    limit === undefined ? 'none' : limit.soft === undefined ? `${limit.hard}` : `${limit.soft} to ${limit.hard}`;
  const bound = (limit: Policy['limits'][string] | undefined) => limit?.hard ?? Number.POSITIVE_INFINITY;
  const limits = names.flatMap((name): Other[] => {
    const [before, after] = [a[name], b[name]];
    if (text(before) === text(after)) return [];
    const more = bound(before) === bound(after) ? undefined : bound(after) > bound(before) ? 'b' : 'a';
    return [{ what: 'limit', name, a: text(before), b: text(after), more }];
  });
  const keys = Object.keys(spaceA) as (keyof Policy['namespaces'])[];
  const spaces = keys.flatMap((name): Other[] => {
    const [before, after] = [JSON.stringify(spaceA[name]) ?? 'none', JSON.stringify(spaceB[name]) ?? 'none'];
    return before === after ? [] : [{ what: 'namespace', name, a: before, b: after, more: undefined }];
  });
  return [...limits, ...spaces];
}

function differenceJson({ call, a, b, gained, lost, changed, text }: Difference): object {
  const outcome = (one: Outcome) => (one === 'depends' ? { action: 'depends' } : verdictJson(one));
  const witness = (one: Witness | undefined) => one && { facts: one.facts, a: verdictJson(one.a), b: verdictJson(one.b) };
  return { call, a: outcome(a), b: outcome(b), gained: witness(gained), lost: witness(lost), changed: witness(changed), text };
}
