// What is learned from calls: a policy that parses, allows each of them, and has nothing that could be left out.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as yaml from 'yaml';
import { decide } from '../../src/caps/policy/decide.ts';
import { entryLines } from '../../src/caps/policy/entry.ts';
import { learn, learnEntries, type Observation } from '../../src/caps/policy/learn.ts';
import type { Facts, Policy } from '../../src/caps/policy/policy.ts';
import { addEntries } from '../../src/cli/policy/merge.ts';
import { readPolicy } from '../../src/machine/policy.ts';
import { VOCABULARY } from '../../src/syscalls/vocabulary.ts';

const OPTIONS = { name: 'learned', origin: 'app.wasm --flag', vocabulary: VOCABULARY };
const read = (text: string): Promise<Policy> => readPolicy({ text, file: 'learned.yaml' });
const allows = (policy: Policy, { call, facts }: Observation) => decide(policy, call, facts).action.do === 'allow';

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'data',
    'c.txt',
    '*',
    '{x,y}',
    '[z]',
    '\\',
    '!',
    '#',
    'é',
    ' ',
    '?',
    ': ',
    "'",
    '"',
    '@',
    '-',
    'null',
  ),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
    .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..'),
);
const path = fc.array(name, { maxLength: 4 }).map((names) => `/${names.join('/')}`);
const hostFacts = fc.oneof(
  fc.record({ host: fc.constantFrom('a.example', 'b.example'), addresses: fc.constant(['93.184.216.34']) }),
  fc.constantFrom('93.184.216.34', '2606:2800:220:1::1', '127.0.0.1').map((host) => ({ host, addresses: [host] })),
);
const VALUES: Record<string, fc.Arbitrary<Facts>> = {
  path: fc
    .tuple(fc.array(path, { minLength: 1, maxLength: 2 }), fc.boolean())
    .map(([paths, beneath]) => ({ paths, ...(beneath && { beneath }) })),
  host: hostFacts,
  port: fc.integer({ min: 1, max: 65_535 }).map((port) => ({ port })),
  size: fc.nat().map((size) => ({ size })),
};
const observation: fc.Arbitrary<Observation> = fc.constantFrom(...VOCABULARY.calls).chain((call) => {
  const parts = VOCABULARY.keysOf(call).map((key) => {
    const words = VOCABULARY.wordsOf(key);
    return VALUES[key] ?? fc.constantFrom(...words).map((word) => ({ [key]: word }) as Facts);
  });
  return fc
    .tuple(fc.nat(1000), fc.tuple(...parts), fc.integer({ min: 0, max: 20 }))
    .map(([count, facts, without]) => ({ call, facts: without === 0 ? {} : Object.assign({}, ...facts), count: count + 1 }));
});
const observations = fc.oneof(
  fc.array(observation, { maxLength: 30 }),
  // Many of one call, so that paths are too many to list.
  fc.array(
    observation.filter(({ call }) => call === 'path_open'),
    { minLength: 10, maxLength: 60 },
  ),
);

test('it parses back, and allows each of them', async () => {
  await fc.assert(
    fc.asyncProperty(observations, async (seen) => {
      const policy = await read(learn(seen, OPTIONS));
      for (const one of seen) expect(allows(policy, one)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('without any one entry one of them is refused', async () => {
  await fc.assert(
    fc.asyncProperty(observations, async (seen) => {
      const policy = await read(learn(seen, OPTIONS));
      const [layer] = policy.layers;
      for (const rule of layer!.allowed!) {
        const less = { ...policy, layers: [{ ...layer!, allowed: layer!.allowed!.filter((other) => other !== rule) }] };
        expect(seen.every((one) => allows(less, one))).toBe(false);
      }
    }),
    { numRuns: 200 },
  );
});

test('what was not seen is refused: other calls, paths, hosts, ports', async () => {
  const seen: Observation[] = [
    { call: 'fd_write', facts: { size: 3, kind: 'console' }, count: 2 },
    { call: 'path_open', facts: { paths: ['/data/a'], access: 'read', kind: 'directory' }, count: 1 },
    { call: 'path_open', facts: { paths: ['/out/b'], access: 'write', kind: 'directory' }, count: 1 },
    { call: 'clock_time_get', facts: { clock: 'monotonic' }, count: 1 },
  ];
  const policy = await read(learn(seen, OPTIONS));
  const refused = (call: string, facts: Facts) => expect(allows(policy, { call, facts, count: 1 })).toBe(false);
  expect(allows(policy, { call: 'fd_write', facts: { size: 9, kind: 'pipe' }, count: 1 })).toBe(true);
  refused('fd_read', { size: 3, kind: 'console' });
  refused('path_open', { paths: ['/data/a'], access: 'write' });
  refused('path_open', { paths: ['/data/b'], access: 'read' });
  refused('path_open', { paths: ['/data/a/b'], access: 'read' });
  refused('clock_time_get', { clock: 'realtime' });
});

test('as people read it', () => {
  const open = (file: string, access: 'read' | 'write' = 'read'): Observation => ({
    call: 'path_open',
    facts: { paths: [file], access },
    count: 1,
  });
  const seen: Observation[] = [
    { call: 'fd_write', facts: {}, count: 12 },
    ...Array.from({ length: 9 }, (_, i) => open(`/data/${i}`)),
    open('/etc/x y'),
    open('/out/*', 'write'),
    { call: 'proc_exit', facts: {}, count: 1 },
  ];
  const text = learn(seen, {
    ...OPTIONS,
    capabilities: [{ text: 'clock' }, { text: 'dir:./data:/data:ro' }],
    memoryPeak: 1_500_000,
  });
  expect(text).toBe(
    `# Learned from a run of app.wasm --flag: the least that lets the same run pass.
# Another run may need more, which superos policy learn --merge adds.
version: 1
process:
  name: learned
  allowed_syscalls:
    - fd_write # 12 times
    - call: path_open # 10 times; /data/0, /data/1, /data/2 and 7 more
      when:
        access: read
        path: [/data/*, "/etc/x y"]
    - call: path_open # once
      when:
        access: write
        path: "/out/\\\\*"
  # Given by this policy: without --dir or --cap for them, and nothing wider with.
  capabilities:
    - clock
    - "dir:./data:/data:ro"
  # limits:
  #   memory: 2m # 1500000 bytes at its most
`.replace('/data/*,', '"/data/*",'),
  );
});

test('a directory that was moved may be moved again, with all that lies beneath it', async () => {
  const seen: Observation[] = [
    { call: 'path_rename', facts: { paths: ['/data/a', '/data/b'], beneath: true }, count: 1 },
    { call: 'path_rename', facts: { paths: ['/data/f', '/data/g'] }, count: 1 },
  ];
  const text = learn(seen, OPTIONS);
  expect(text).toContain('path: ["/data/a/**", "/data/b/**", /data/f, /data/g]');
  const policy = await read(text);
  for (const one of seen) expect(allows(policy, one)).toBe(true);
  expect(allows(policy, { call: 'path_rename', facts: { paths: ['/data/f', '/data/g'], beneath: true }, count: 1 })).toBe(false);
});

test('many paths in many places: a few trees', () => {
  const seen = Array.from(
    { length: 200 },
    (_, i): Observation => ({
      call: 'path_filestat_get',
      facts: { paths: [`/usr/lib/${i % 50}/x/${i}`] },
      count: 1,
    }),
  );
  expect(learnEntries(seen, VOCABULARY)).toMatchObject([{ when: [{ key: 'path', patterns: ['/usr/lib/**'] }] }]);
  seen.push(
    { call: 'path_filestat_get', facts: { paths: ['/etc/passwd'] }, count: 1 },
    { call: 'path_filestat_get', facts: { paths: ['/'] }, count: 1 },
  );
  expect(learnEntries(seen, VOCABULARY)).toMatchObject([{ when: [{ patterns: ['/', '/etc/passwd', '/usr/lib/**'] }] }]);
  const long = [`/a/${'*'.repeat(3000)}`, `/a/${'b/'.repeat(3000)}c`].map(
    (one): Observation => ({ call: 'chmod', facts: { paths: [one] }, count: 1 }),
  );
  expect(learnEntries(long, VOCABULARY)[0]!.when[0]!.patterns).toContain('/a/**');
});

test('a program that asks for everything gets a policy that can be read', async () => {
  const hosts = (count: number, port: (i: number) => number) =>
    Array.from(
      { length: count },
      (_, i): Observation => ({
        call: 'net_connect',
        facts: { host: `h${i}.example`, addresses: ['10.0.0.1'], port: port(i) },
        count: 1,
      }),
    );
  const few = learnEntries(
    hosts(3, () => 443),
    VOCABULARY,
  );
  expect(few.map(({ when }) => when.map(({ patterns }) => patterns))).toEqual([
    [['h0.example'], ['443']],
    [['h1.example'], ['443']],
    [['h2.example'], ['443']],
  ]);
  const many = hosts(5000, (i) => 1000 + i);
  expect(learnEntries(many, VOCABULARY)).toMatchObject([{ when: [{ key: 'port', patterns: ['1000-5999'] }] }]);
  const policy = await read(learn(many, OPTIONS));
  for (const one of many) expect(allows(policy, one)).toBe(true);
});

test('what a program is called steers no terminal, and ends no comment', async () => {
  const text = learn([], { ...OPTIONS, origin: 'x\n  evil: 1\u001b[2J', capabilities: [{ text: 'clock', comment: 'a\nb' }] });
  expect(text).not.toContain('\u001b');
  expect((await read(text)).layers[0]!.allowed).toEqual([]);
});

test('what no policy has a word for is not asked for', async () => {
  const seen: Observation[] = ['none', 'realtime'].map((clock) => ({ call: 'clock_time_get', facts: { clock }, count: 1 }));
  const policy = await read(learn(seen, OPTIONS));
  for (const one of seen) expect(allows(policy, one)).toBe(true);
});

test('a program that did nothing may do nothing', async () => {
  expect((await read(learn([], OPTIONS))).layers[0]!.allowed).toEqual([]);
});

test('entries of all kinds parse back, in lines and in brackets', async () => {
  await fc.assert(
    fc.asyncProperty(
      observations.filter((seen) => seen.length > 0),
      async (seen) => {
        const entries = learnEntries(seen, VOCABULARY);
        for (const before of [
          'process:\n  allowed_syscalls:\n  - "@args" # mine\n\n  # after\n  name: x\n',
          'process: { allowed_syscalls: [ "@args", ] }\n',
          'process: { allowed_syscalls: [] } # mine',
          'process:\n    allowed_syscalls:\n      - call: fd_read\n        when: { size: "> 1" } # last',
        ]) {
          const text = addEntries(yaml, before, 'allowed_syscalls', entries)!;
          const policy = await read(text);
          for (const one of seen) expect(allows(policy, one)).toBe(true);
          for (const comment of before.match(/#.*/g) ?? []) expect(text).toContain(comment);
        }
      },
    ),
    { numRuns: 50 },
  );
  expect(entryLines({ call: 'read', when: [], action: { do: 'errno', errno: 'NOENT' }, comment: 'x' }, 2)).toEqual([
    '  - call: read # x',
    '    action: { errno: NOENT }',
  ]);
});
