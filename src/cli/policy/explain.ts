// `superos policy explain`: what a policy makes of every call, or of one with given arguments: which rule decides, and why.
import { decide, strictness } from '../../caps/policy/decide.ts';
import { outcome, permits } from '../../caps/policy/diff.ts';
import type { Facts, Policy, Vocabulary } from '../../caps/policy/policy.ts';
import { remedy } from '../../caps/policy/remedy.ts';
import { factsText } from '../../caps/policy/witness.ts';
import { grantedBy } from '../../machine/governed.ts';
import { VOCABULARY } from '../../syscalls/vocabulary.ts';
import { CommandError, STATUS, say } from '../error.ts';
import { type Cell, coloured, paint, print, table } from '../table.ts';
import { callsOf } from './calls.ts';
import { keysWords, readFacts } from './facts.ts';
import { load } from './load.ts';
import { termsWords } from './terms.ts';
import { actionWords, asked, colourOf, entryWords, ruleWords, verdictCell, verdictJson, where } from './words.ts';

/** The exit status. */
export async function explain(
  path: string,
  words: readonly string[],
  { json = false }: { readonly json?: boolean },
): Promise<number> {
  const policy = await load(path);
  const [name, ...args] = words;
  if (name === undefined) {
    if (json) say('stdout', JSON.stringify(overviewJson(policy)));
    else print(overview(policy, VOCABULARY, coloured()));
    return STATUS.ok;
  }
  const calls = callsOf(name, VOCABULARY);
  if (calls.length === 0 && !json) say('stdout', `${name}: no process has such a call, whatever a policy says`);
  const { found, without } = about(calls, args);
  if (json) {
    say('stdout', JSON.stringify({ policy: policy.name, calls: found.map(({ call, facts }) => oneJson(policy, call, facts)) }));
    return STATUS.ok;
  }
  for (const { call, facts } of found) print(one(policy, call, facts, VOCABULARY, coloured()));
  if (without.length > 0) print([`not about ${args.join(' ')}: ${without.join(', ')}`]);
  return STATUS.ok;
}

/** The calls that can be about these arguments, and those that cannot. Throws CommandError where none can. */
function about(
  calls: readonly string[],
  args: readonly string[],
): { found: { call: string; facts: Facts }[]; without: string[] } {
  const found: { call: string; facts: Facts }[] = [];
  const without: string[] = [];
  let mistake: CommandError | undefined;
  for (const call of calls) {
    try {
      found.push({ call, facts: readFacts(call, args, VOCABULARY) });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      mistake ??= error;
      without.push(call);
    }
  }
  if (found.length === 0 && mistake !== undefined) throw mistake;
  return { found, without };
}

const HEAD: readonly Cell[] = ['CALL', 'WHAT HAPPENS', 'WHERE', 'RULE'].map((text) => ({ text, colour: 'bold' }));

/** A table of all calls. Where arguments matter, the entries follow in the order in which they are asked. */
export function overview(policy: Policy, vocabulary: Vocabulary, colours: boolean): string[] {
  const rows = vocabulary.calls.flatMap((call): Cell[][] => {
    const found = outcome(policy, call);
    if (found !== 'depends') return [[{ text: call }, verdictCell(found), place(where(found.place)), { text: ruleWords(found) }]];
    return [[{ text: call }, { text: 'depends', colour: 'yellow' }], ...steps(policy, call)];
  });
  return [
    paint({ text: `policy ${policy.name}`, colour: 'bold' }, colours),
    ...termsWords(policy).map(([what, text]) => `${what}: ${text}`),
    ...table([HEAD, ...rows], colours),
  ];
}

const place = (text: string): Cell => ({ text, colour: 'dim' });

function steps(policy: Policy, call: string): Cell[][] {
  return policy.layers.flatMap((layer) => {
    const rules = asked(layer, call, strictness);
    const rows = rules.map((rule): Cell[] => {
      const verdict = { action: rule.action, layer, rule, place: rule.place };
      return [
        { text: '' },
        { text: `  ${actionWords(rule.action)}`, colour: colourOf(verdict) },
        place(where(rule.place)),
        { text: entryWords(rule) },
      ];
    });
    if (rules.at(-1)?.conditions.length === 0) return rows;
    const rest = {
      action: layer.allowed === undefined ? ({ do: 'allow' } as const) : layer.default,
      layer,
      rule: undefined,
      place: layer.place,
    };
    return [
      ...rows,
      [
        { text: '' },
        { text: `  ${actionWords(rest.action)}`, colour: colourOf(rest) },
        place(where(rest.place)),
        { text: 'otherwise' },
      ],
    ];
  });
}

/** Of one call: what decides, what each layer says, and what would have to change. */
export function one(policy: Policy, call: string, facts: Facts, vocabulary: Vocabulary, colours: boolean): string[] {
  const verdict = decide(policy, call, facts);
  const about = factsText(facts);
  const lines = [
    `${paint({ text: about === '' ? call : `${call} ${about}`, colour: 'bold' }, colours)}: ${paint(verdictCell(verdict), colours)}`,
  ];
  const rows = policy.layers.map((layer): Cell[] => {
    const said = decide({ ...policy, layers: [layer] }, call, facts);
    return [{ text: `  ${layer.name}` }, verdictCell(said), place(where(said.place)), { text: ruleWords(said) }];
  });
  lines.push(...table(rows, colours));
  const missing = missingKeys(policy, call, facts, vocabulary);
  if (missing.length > 0)
    lines.push(`  not said: ${missing.join(', ')}; what is not known lets no entry allow, and keeps none from refusing`);
  if (!permits(verdict))
    lines.push(
      ...paint({ text: `  to allow it: ${remedy(policy, call, facts, verdict)}`, colour: 'yellow' }, colours).split('\n'),
    );
  if (about === '' && vocabulary.keysOf(call).length > 0 && missing.length > 0)
    lines.push(`  ${call} has ${keysWords(vocabulary.keysOf(call))}`);
  return lines;
}

/** What rules for the call ask for, and nobody said. */
function missingKeys(policy: Policy, call: string, facts: Facts, vocabulary: Vocabulary): string[] {
  const conditions = policy.layers.flatMap((layer) => asked(layer, call, strictness)).flatMap((rule) => rule.conditions);
  const said = (key: string) => Object.hasOwn(facts, key === 'path' ? 'paths' : key);
  return vocabulary.keysOf(call).filter((key) => !said(key) && conditions.some((condition) => condition.key === key));
}

function overviewJson(policy: Policy): object {
  const { name, namespaces, limits } = policy;
  return {
    policy: name,
    for: policy.for ?? null,
    capabilities: grantedBy(policy)?.map(({ text }) => text) ?? null,
    limits: Object.fromEntries(Object.entries(limits).map(([key, { soft, hard }]) => [key, { soft: soft ?? null, hard }])),
    namespaces,
    calls: VOCABULARY.calls.map((call) => callJson(policy, call)),
  };
}

function callJson(policy: Policy, call: string): object {
  const found = outcome(policy, call);
  if (found !== 'depends') return { call, ...verdictJson(found) };
  const rules = policy.layers.flatMap((layer) =>
    asked(layer, call, strictness).map((rule) => verdictJson({ action: rule.action, layer, rule, place: rule.place })),
  );
  return { call, action: 'depends', rules };
}

function oneJson(policy: Policy, call: string, facts: Facts): object {
  const verdict = decide(policy, call, facts);
  return {
    call,
    facts,
    ...verdictJson(verdict),
    layers: policy.layers.map((layer) => verdictJson(decide({ ...policy, layers: [layer] }, call, facts))),
    remedy: permits(verdict) ? null : remedy(policy, call, facts, verdict),
  };
}
