// SECURITY.md, what capabilities promise, 15: policies are monotone. Each property is shown to hold, and to fail for every
// implementation that breaks its rule on purpose: those are listed as mutations, below.
import { describe, expect, test } from 'vitest';
import { decide, strictness } from '../../../src/caps/policy/decide.ts';
import { narrow } from '../../../src/caps/policy/narrow.ts';
import type { Facts, Policy } from '../../../src/caps/policy/policy.ts';
import { Random } from '../../../src/hal/sim/random.ts';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';
import { layer, policy, rule } from './build.ts';
import { asDecision } from './fuzzer.ts';
import { call, document, entry, facts, pick, refusals } from './generate.ts';
import { language, options } from './parse.ts';
import { type Document, level, referenceDecision } from './reference.ts';

interface Implementation {
  parse(document: Document, files?: Record<string, Document>): Policy;
  decide: typeof decide;
  narrow: typeof narrow;
}

const REAL: Implementation = {
  parse: (one, files = {}) => {
    const texts = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, JSON.stringify(file)]));
    return language.parse(JSON.stringify(one), options(texts));
  },
  decide,
  narrow,
};

const RUNS = 400;
const CALLS = 12;

/** Calls for which the second policy permits what the first does not. */
function wider({ decide }: Implementation, random: Random, before: Policy, after: Policy, measure = level): string[] {
  return Array.from({ length: CALLS }, () => [call(random), facts(random)] as const).flatMap(([name, about]) => {
    const [a, b] = [decide(before, name, about).action, decide(after, name, about).action];
    return measure(b) < measure(a) ? [`${name} ${JSON.stringify(about)}: ${b.do} after ${a.do}`] : [];
  });
}

const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at);

/** Each gives what is wrong in one random case. */
const PROPERTIES: Record<string, (one: Implementation, random: Random) => string[]> = {
  'taking an allow entry out never allows more'(one, random) {
    const whole = document(random);
    const list = whole.process.allowed_syscalls ?? [];
    if (list.length === 0) return [];
    const less = { process: { ...whole.process, allowed_syscalls: without(list, random.below(list.length)) } };
    return wider(one, random, one.parse(whole), one.parse(less));
  },
  'adding a deny entry never allows more'(one, random) {
    const whole = document(random);
    const list = [...(whole.process.denied_syscalls ?? [])];
    list.splice(random.below(list.length + 1), 0, entry(random, 'denied', refusals));
    return wider(one, random, one.parse(whole), one.parse({ process: { ...whole.process, denied_syscalls: list } }));
  },
  'an empty list allows nothing but to end'(one, random) {
    const process = { ...document(random).process, allowed_syscalls: [] };
    if (process.default === 'log' || process.default === 'notify') delete process.default;
    const parsed = one.parse({ process });
    return VOCABULARY.calls.filter((name) => name !== 'proc_exit' && level(one.decide(parsed, name, facts(random)).action) < 3);
  },
  'an unknown key is an error'(one, random) {
    const whole = document(random);
    const entries = [...(whole.process.allowed_syscalls ?? []), ...(whole.process.denied_syscalls ?? [])].filter(
      (item) => typeof item === 'object',
    );
    const places: object[] = [
      whole,
      whole.process,
      ...entries,
      ...entries.flatMap(({ when }) => (when === undefined ? [] : [when])),
    ];
    Object.assign(pick(random, places), { [pick(random, ['alowed_syscalls', 'denied', 'if', 'Path', 'x'])]: ['fd_read'] });
    try {
      one.parse(whole);
    } catch (error) {
      return error instanceof Error && error.name === 'PolicyError' ? [] : [String(error)];
    }
    return [JSON.stringify(whole)];
  },
  'what is extended bounds what extends it'(one, random) {
    const files = { './a.yaml': document(random), './b.yaml': document(random) };
    const whole = one.parse(document(random, Object.keys(files)), files);
    return Object.values(files).flatMap((file) => wider(one, random, one.parse(file), whole, strictness as typeof level));
  },
  'a child is bounded by its parent, and by its own policy'(one, random) {
    const [parent, child] = [one.parse(document(random)), one.parse(document(random))];
    const both = one.narrow(parent, child);
    const limits = Object.entries({ ...parent.limits, ...child.limits }).flatMap(([name]) => {
      const least = Math.min(...[parent, child].map(({ limits }) => limits[name]?.hard ?? Number.POSITIVE_INFINITY));
      return both.limits[name]?.hard === least ? [] : [`${name}: ${both.limits[name]?.hard}, not ${least}`];
    });
    return [parent, child].flatMap((alone) => wider(one, random, alone, both, strictness as typeof level)).concat(limits);
  },
  'what is decided is what the document says'(one, random) {
    const whole = document(random);
    const parsed = one.parse(whole);
    return Array.from({ length: CALLS }, () => [call(random), facts(random)] as const).flatMap(([name, about]) => {
      const found = JSON.stringify(asDecision(one.decide(parsed, name, about)));
      const expected = JSON.stringify(referenceDecision([['policy.yaml', whole]], name, about, VOCABULARY));
      return found === expected ? [] : [`${name} ${JSON.stringify(about)}: ${found}, not ${expected}`];
    });
  },
};

type Rewrite = (one: Policy) => Policy;
const layers = (one: Policy, change: (own: Policy['layers'][number]) => Policy['layers'][number]): Policy => ({
  ...one,
  layers: one.layers.map(change),
});
const deciding = (rewrite: Rewrite): Partial<Implementation> => ({
  decide: (one, name, about) => decide(rewrite(one), name, about),
});
/** The same decision, reached with other facts. */
const asking = (change: (about: Facts) => Facts): Partial<Implementation> => ({
  decide: (one, name, about) => decide(one, name, change(about)),
});
const least = (list: readonly Policy['layers'][number][], name: string, about: Facts) =>
  list.map((own) => decide(policy(own), name, about)).reduce((a, b) => (strictness(b.action) < strictness(a.action) ? b : a));

/** Ways to break the rules, and the properties that find out. */
const MUTATIONS: Record<string, { broken: Partial<Implementation>; by: (keyof typeof PROPERTIES)[] }> = {
  'what is allowed wins over what is denied': {
    broken: deciding((one) =>
      layers(one, (own) =>
        own.allowed === undefined
          ? own
          : {
              ...own,
              denied: own.denied.filter(
                ({ calls }) => !own.allowed?.some((rule) => rule.calls.some((name) => calls.includes(name))),
              ),
            },
      ),
    ),
    by: ['what is decided is what the document says'],
  },
  'what is denied counts only where there is no list of what is allowed': {
    broken: {
      decide: (one, name, about) =>
        decide(
          layers(one, (own) => (own.denied.length > 1 ? { ...own, denied: [], allowed: undefined } : own)),
          name,
          about,
        ),
    },
    by: ['adding a deny entry never allows more', 'what is decided is what the document says'],
  },
  'an empty list is taken for none': {
    broken: deciding((one) => layers(one, (own) => ({ ...own, allowed: own.allowed?.length === 0 ? undefined : own.allowed }))),
    by: ['an empty list allows nothing but to end', 'taking an allow entry out never allows more'],
  },
  'the default allows': {
    broken: deciding((one) => layers(one, (own) => ({ ...own, default: { do: 'allow' } }))),
    by: [
      'an empty list allows nothing but to end',
      'taking an allow entry out never allows more',
      'what is decided is what the document says',
    ],
  },
  'the first entry of a list decides, not the most permissive': {
    broken: deciding((one) =>
      layers(one, (own) => ({
        ...own,
        allowed: own.allowed?.map((item, i, all) => ({
          ...item,
          calls: item.calls.filter((name) => !all.slice(0, i).some(({ calls }) => calls.includes(name))),
        })),
      })),
    ),
    by: ['taking an allow entry out never allows more', 'what is decided is what the document says'],
  },
  'the most permissive layer wins': {
    broken: { decide: (one, name, about) => least(one.layers, name, about) },
    by: ['what is extended bounds what extends it', 'a child is bounded by its parent, and by its own policy'],
  },
  'the last layer alone counts': {
    broken: deciding((one) => ({ ...one, layers: one.layers.slice(-1) })),
    by: ['what is extended bounds what extends it', 'a child is bounded by its parent, and by its own policy'],
  },
  'the first layer alone counts': {
    broken: deciding((one) => ({ ...one, layers: one.layers.slice(0, 1) })),
    by: ['what is extended bounds what extends it', 'a child is bounded by its parent, and by its own policy'],
  },
  'lists of layers are joined': {
    broken: {
      narrow: (parent, child) => ({
        ...narrow(parent, child),
        layers: [
          {
            ...child.layers[0]!,
            allowed:
              parent.layers[0]?.allowed === undefined || child.layers[0]?.allowed === undefined
                ? undefined
                : [...parent.layers[0].allowed, ...child.layers[0].allowed],
            denied: [...parent.layers[0]!.denied, ...child.layers[0]!.denied],
          },
        ],
      }),
    },
    by: ['a child is bounded by its parent, and by its own policy'],
  },
  "a child's limits replace its parent's": {
    broken: { narrow: (parent, child) => ({ ...narrow(parent, child), limits: { ...parent.limits, ...child.limits } }) },
    by: ['a child is bounded by its parent, and by its own policy'],
  },
  'unknown keys are passed over': {
    broken: { parse: (one, files) => REAL.parse(known(one), files) },
    by: ['an unknown key is an error'],
  },
  'to ask and to log count for nothing': {
    broken: { decide: (one, name, about) => asAllowed(decide(one, name, about)) },
    by: ['what is decided is what the document says'],
  },
  'conditions are taken to hold': {
    broken: deciding((one) =>
      layers(one, (own) => ({ ...own, allowed: own.allowed?.map((item) => ({ ...item, conditions: [] })) })),
    ),
    by: ['what is decided is what the document says'],
  },
  'one condition is enough': {
    broken: deciding((one) =>
      layers(one, (own) => ({
        ...own,
        allowed: own.allowed?.map((item) => ({ ...item, conditions: item.conditions.slice(0, 1) })),
      })),
    ),
    by: ['what is decided is what the document says'],
  },
  'of several paths the first counts': {
    broken: asking((about) => (about.paths === undefined ? about : { ...about, paths: about.paths.slice(0, 1) })),
    by: ['what is decided is what the document says'],
  },
  'of several addresses the first counts': {
    broken: asking((about) => (about.addresses === undefined ? about : { ...about, addresses: about.addresses.slice(0, 1) })),
    by: ['what is decided is what the document says'],
  },
  'a path is looked at as the start of another': {
    broken: asking((about) =>
      about.paths === undefined ? about : { ...about, paths: about.paths.map((path) => path.replace(/^\/database/, '/data')) },
    ),
    by: ['what is decided is what the document says'],
  },
  'an IPv4 address within IPv6 is another address': {
    broken: asking((about) =>
      about.addresses === undefined
        ? about
        : { ...about, addresses: about.addresses.map((one) => one.replace('::ffff:', '64:ff9b::')) },
    ),
    by: ['what is decided is what the document says'],
  },
  'what is not known is taken for harmless': {
    broken: asking((about) => ({ size: 0, kind: 'console', access: 'read', port: 0, ...about })),
    by: ['what is decided is what the document says'],
  },
  'exceptions of patterns are passed over': {
    broken: deciding((one) =>
      layers(one, (own) => ({
        ...own,
        allowed: own.allowed?.map((item) => ({
          ...item,
          conditions: item.conditions.map(({ key, patterns }) => ({
            key,
            patterns: patterns.length > 1 ? patterns.filter((text, i) => i === 0 || !text.startsWith('!')) : patterns,
          })),
        })),
      })),
    ),
    by: ['what is decided is what the document says'],
  },
};

function asAllowed(verdict: ReturnType<typeof decide>): ReturnType<typeof decide> {
  return strictness(verdict.action) < 3 ? { ...verdict, action: { do: 'allow' } } : verdict;
}

/** Without the keys that do not belong there. */
function known(one: Document): Document {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !['alowed_syscalls', 'denied', 'if', 'Path', 'x'].includes(key))
        .map(([key, inner]) => [key, strip(inner)]),
    );
  };
  return strip(one) as Document;
}

function counterexample(property: string, one: Implementation, runs: number): string | undefined {
  for (let i = 0; i < runs; i++) {
    const [found] = PROPERTIES[property]!(one, new Random(i));
    if (found !== undefined) return `run ${i}: ${found}`;
  }
  return undefined;
}

describe.each(Object.keys(PROPERTIES))('%s', (property) => {
  test('holds', () => {
    expect(counterexample(property, REAL, RUNS)).toBeUndefined();
  });

  const found = Object.entries(MUTATIONS).filter(([, { by }]) => by.includes(property));
  test.each(found)('fails if %s', (_, { broken }) => {
    expect(counterexample(property, { ...REAL, ...broken }, 10 * RUNS)).toBeDefined();
  });
});

test('every mutation is found, and every property finds one', () => {
  expect(new Set(Object.values(MUTATIONS).flatMap(({ by }) => by))).toEqual(new Set(Object.keys(PROPERTIES)));
});

test('an entry that is stricter than the default would be one that allows more when it is taken out: the language refuses it', () => {
  const asks = policy(layer([rule('fd_read', 'notify')], [], { do: 'log' }));
  const less = policy(layer([], [], { do: 'log' }));
  expect(level(decide(less, 'fd_read', {}).action)).toBeLessThan(level(decide(asks, 'fd_read', {}).action));
  expect(() => REAL.parse({ process: { default: 'log', allowed_syscalls: [{ call: 'fd_read', action: 'notify' }] } })).toThrow(
    'stricter',
  );
});
