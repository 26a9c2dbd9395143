// What is told of two policies: each example is one, and where none is told the two decide alike whatever is asked.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/caps/policy/decide.ts';
import { type Difference, diffCalls, permits } from '../../src/caps/policy/diff.ts';
import { entryLines, scalar } from '../../src/caps/policy/entry.ts';
import { narrow } from '../../src/caps/policy/narrow.ts';
import type { Facts, Key, Policy, Rule } from '../../src/caps/policy/policy.ts';
import { examples } from '../../src/caps/policy/witness.ts';
import { warnings } from '../../src/cli/policy/warnings.ts';
import { readPolicy } from '../../src/machine/policy.ts';
import { VOCABULARY } from '../../src/syscalls/vocabulary.ts';

const read = (text: string, file = 'a.yaml'): Promise<Policy> => readPolicy({ text, file });
const policy = (entries: string): Promise<Policy> => read(`process:\n${entries}`);

async function differences(a: string, b: string): Promise<Difference[]> {
  return diffCalls(await policy(a), await policy(b), VOCABULARY);
}

const PATTERNS: Record<Key, readonly string[]> = {
  path: ['/', '/a', '/a/**', '/a/b', '/a/*', '!/a/b', '/**', '!/a/b/**', '/c'],
  host: ['*', 'a.example', '*.example', '!b.example', '10.0.0.0/8', '10.1.0.0/16', '127.0.0.1', '!10.0.0.1', '[::1]'],
  port: ['80', '443', '1-1024', '!22', '*'],
  size: ['> 4', '<= 64k', '= 5', '>= 1, < 9'],
  signal: ['SIGTERM', 'SIGKILL', '!SIGTERM'],
  clock: ['monotonic', 'realtime', '!realtime'],
  kind: ['file', 'pipe', '!console'],
  access: ['read', 'write', '!read'],
};
/** Of what may be asked, some that patterns above tell apart and some that they do not. */
const FACTS: Record<Key, readonly Facts[]> = {
  path: ['/', '/a', '/a/b', '/a/x', '/a/b/x', '/a/x/y', '/c', '/c/a', '/z'].map((one) => ({ paths: [one] })),
  host: [
    ...['a.example', 'b.example', 'c.d.example', 'example', 'z.test'].flatMap((host) =>
      ['10.1.2.3', '10.0.0.1', '93.184.216.34', '127.0.0.1', '::1'].map((one) => ({ host, addresses: [one] })),
    ),
    ...['10.1.2.3', '10.0.0.1', '9.255.255.255', '127.0.0.1', '::1'].map((one) => ({ host: one, addresses: [one] })),
  ],
  port: [0, 1, 22, 80, 443, 1024, 1025, 65_535].map((port) => ({ port })),
  size: [0, 1, 4, 5, 8, 9, 65_536, 65_537].map((size) => ({ size })),
  signal: ['SIGTERM', 'SIGKILL', 'SIGHUP'].map((signal) => ({ signal })),
  clock: ['monotonic', 'realtime', 'process_cputime'].map((clock) => ({ clock })),
  kind: ['file', 'pipe', 'console'].map((kind) => ({ kind })),
  access: [{ access: 'read' }, { access: 'write' }],
};

const CALLS = ['path_open', 'path_rename', 'net_connect', 'fd_write', 'clock_time_get', 'proc_raise', 'random_get', 'fd_close'];
const entry = (call: string, actions: readonly string[]) => {
  const keys = VOCABULARY.keysOf(call);
  return fc
    .tuple(fc.subarray([...keys]), fc.constantFrom(...actions), fc.infiniteStream(fc.nat(1000)))
    .map(([some, action, numbers]) => {
      const when = some.map((key) => {
        const patterns = PATTERNS[key].filter(() => numbers.next().value % 3 === 0);
        return { key, patterns: patterns.length > 0 ? patterns : [PATTERNS[key][0]!] };
      });
      const lines = entryLines({ call, when }, 2);
      return [...(lines.length === 1 ? [`  - call: ${call}`] : lines), `    action: ${action}`].join('\n');
    });
};
const body = (call: string) =>
  fc
    .record({
      allowed: fc.option(fc.array(entry(call, ['allow', 'log', 'notify']), { maxLength: 3 }), { nil: undefined }),
      denied: fc.array(entry(call, ['errno', 'kill', '{ errno: NOENT }']), { maxLength: 2 }),
    })
    .map(({ allowed, denied }) => {
      const list = (name: string, lines: readonly string[]) =>
        lines.length === 0 ? `  ${name}: []` : `  ${name}:\n${lines.join('\n')}`;
      return [...(allowed === undefined ? [] : [list('allowed_syscalls', allowed)]), list('denied_syscalls', denied)].join('\n');
    });
const facts = (call: string): fc.Arbitrary<Facts> =>
  fc.tuple(...VOCABULARY.keysOf(call).map((key) => fc.constantFrom(...FACTS[key]))).map((parts) => Object.assign({}, ...parts));

/** The same policy with one of its patterns in another's place. */
const varied = (text: string, which: number, other: number): string => {
  const present = Object.values(PATTERNS).flatMap((list) =>
    list.filter((one) => text.includes(scalar(one))).map((one) => ({ one, list })),
  );
  const chosen = present[which % present.length];
  return chosen === undefined ? text : text.replace(scalar(chosen.one), () => scalar(chosen.list[other % chosen.list.length]!));
};
const pair = fc
  .tuple(fc.constantFrom(...CALLS), fc.nat(100), fc.nat(100))
  .chain(([call, which, other]) =>
    body(call).chain((a) =>
      fc.record({ call: fc.constant(call), a: fc.constant(a), b: fc.oneof(body(call), fc.constant(varied(a, which, other))) }),
    ),
  );
const valid = (text: string): Promise<Policy | undefined> => policy(text).catch(() => undefined);

test('examples are true, and where there are none nothing that is asked tells the two apart', async () => {
  await fc.assert(
    fc.asyncProperty(pair, fc.nat(2 ** 30), async ({ call, a: textA, b: textB }, seed) => {
      const [a, b] = [await policy(textA), await valid(textB)];
      fc.pre(b !== undefined);
      const found = diffCalls(a, b, VOCABULARY);
      for (const { call: of, gained, lost, changed } of found) {
        for (const one of [gained, lost, changed]) {
          if (one === undefined) continue;
          expect(decide(a, of, one.facts)).toEqual(one.a);
          expect(decide(b, of, one.facts)).toEqual(one.b);
        }
        if (gained !== undefined) expect([permits(gained.a), permits(gained.b)]).toEqual([false, true]);
        if (lost !== undefined) expect([permits(lost.a), permits(lost.b)]).toEqual([true, false]);
      }
      if (!found.some((one) => one.call === call)) {
        for (const one of fc.sample(facts(call), { numRuns: 50, seed }))
          expect([one, decide(a, call, one).action]).toEqual([one, decide(b, call, one).action]);
      }
      expect(diffCalls(a, a, VOCABULARY)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test('an entry that a warning says does nothing does nothing', async () => {
  const several = fc.constantFrom(...CALLS).chain((call) => fc.tuple(body(call), body(call)));
  let warned = 0;
  await fc.assert(
    fc.asyncProperty(several, async ([text, base]) => {
      const [own, under] = [await policy(text), await policy(base)];
      const whole = narrow(under, own);
      const layer = whole.layers.at(-1)!;
      for (const { place } of warnings(whole)) {
        const without = (rules: readonly Rule[]) => rules.filter((rule) => rule.place !== place);
        if (layer.allowed === undefined || without(layer.allowed).length === layer.allowed.length) continue;
        warned++;
        const less = { ...whole, layers: whole.layers.with(-1, { ...layer, allowed: without(layer.allowed) }) };
        expect(diffCalls(whole, less, VOCABULARY)).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
  expect(warned).toBeGreaterThan(10);
});

describe('by meaning, not by text', () => {
  test.each([
    ['order', '  allowed_syscalls: [fd_read, fd_write]', '  allowed_syscalls: [fd_write, fd_read]'],
    ['names', '  allowed_syscalls: [read]', '  allowed_syscalls: [fd_read]'],
    [
      'what is denied anyway',
      '  allowed_syscalls: [fd_read, chmod]\n  denied_syscalls: [chmod]',
      '  allowed_syscalls: [fd_read]',
    ],
    [
      'ranges',
      '  allowed_syscalls: [{ call: net_connect, when: { port: ["80-82"] } }]',
      '  allowed_syscalls: [{ call: net_connect, when: { port: [80, 81, 82] } }]',
    ],
    [
      'trees',
      '  allowed_syscalls: [{ call: path_open, when: { path: [/a/**, /a/b] } }]',
      '  allowed_syscalls: [{ call: path_open, when: { path: /a/** } }]',
    ],
    [
      'networks',
      '  allowed_syscalls: [{ call: net_connect, when: { host: [10.0.0.0/9, 10.128.0.0/9] } }]',
      '  allowed_syscalls: [{ call: net_connect, when: { host: 10.0.0.0/8 } }]',
    ],
  ])('%s', async (_what, a, b) => {
    expect(await differences(a, b)).toEqual([]);
  });
});

describe('an example of what only one allows', () => {
  test.each<[string, string, Facts]>([
    ['path: /data/**', 'path: [/data/**, "!/data/secret/**"]', { paths: ['/data/secret'] }],
    ['path: /a', 'path: /b', { paths: ['/a'] }],
    ['path: "/a/*.txt"', 'path: "/a/x*.txt"', { paths: ['/a/other.txt'] }],
    ['path: "/a/{x,y}"', 'path: /a/x', { paths: ['/a/y'] }],
  ])('%s and %s', async (a, b, expected) => {
    const list = (when: string) => `  allowed_syscalls: [{ call: path_open, when: { ${when} } }]`;
    const [found] = await differences(list(a), list(b));
    expect(found?.lost?.facts).toEqual(expected);
  });

  test('of calls about two paths, two of them', async () => {
    const each = (paths: string[]) =>
      `  allowed_syscalls: [${paths.map((one) => `{ call: path_rename, when: { path: ${one} } }`).join(', ')}]`;
    const [found] = await differences(each(['/a', '/b']), each(['[/a, /b]']));
    expect(found?.gained?.facts.paths?.toSorted()).toEqual(['/a', '/b']);
  });
});

test('patterns that no example tells apart are compared as text', async () => {
  const list = (pattern: string) => `  allowed_syscalls: [{ call: path_open, when: { path: "${pattern}" } }]`;
  expect(await differences(list('/a/[b-y]*'), list('/a/[b-z]*'))).toMatchObject([{ call: 'path_open', text: true }]);
  expect(await differences(list('/a/[b-y]*'), list('/a/[b-y]*'))).toEqual([]);
});

test('examples stay few', () => {
  const patterns = Array.from({ length: 500 }, (_, i) => `/a${i}/**`);
  const hosts = Array.from({ length: 200 }, (_, i) => `10.${i}.0.0/16`);
  const many = examples(
    'net_connect',
    [
      { key: 'host', patterns: hosts },
      { key: 'port', patterns: ['1', '5', '9'] },
    ],
    VOCABULARY,
  );
  expect(many.facts.length).toBeLessThanOrEqual(20_000);
  expect(examples('path_rename', [{ key: 'path', patterns }], VOCABULARY)).toMatchObject({ complete: false });
});
