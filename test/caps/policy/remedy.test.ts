// The change that a remedy names, made to the document, allows the call; where several places refuse it, one after another does.
import { expect, test } from 'vitest';
import { decide, type Verdict } from '../../../src/caps/policy/decide.ts';
import type { Facts, Policy } from '../../../src/caps/policy/policy.ts';
import { remedy } from '../../../src/caps/policy/remedy.ts';
import { Random } from '../../../src/hal/sim/random.ts';
import { call, document, facts } from './generate.ts';
import { parse } from './parse.ts';
import type { Document, Entry } from './reference.ts';

const RUNS = 600;
/** What one document may need: each of its entries changed, and more than once where they name several calls. */
const CHANGES_MAX = 40;

test('what remedies say, done, allows the call', () => {
  const kinds = new Set<string>();
  for (let run = 0; run < RUNS; run++) {
    const random = new Random(run);
    const whole = document(random);
    const [name, about] = [call(random), facts(random)];
    for (let changes = 0; ; changes++) {
      const text = JSON.stringify(whole, null, 1);
      const policy = parse(text);
      const verdict = decide(policy, name, about);
      if (verdict.action.do === 'allow') break;
      const advice = remedy(policy, name, about, verdict);
      expect(advice).toMatch(new RegExp(`^policy\\.yaml:${verdict.place.line}: `));
      expect(text.split('\n')[verdict.place.line - 1]).toBe(verdict.place.text);
      expect(changes, `run ${run}: ${advice}`).toBeLessThan(CHANGES_MAX);
      // The first part is about what decided; the others are what would refuse it next.
      kinds.add(apply(whole, name, verdict, advice.split('; and ')[0]!));
    }
  }
  expect([...kinds].sort()).toEqual(['add', 'change', 'leave out', 'name others', 'rewrite', 'take in', 'take out']);
});

/** Does what the advice says, and tells which kind it was. */
function apply({ process }: Document, name: string, { layer, rule }: Verdict, advice: string): string {
  const denied = process.denied_syscalls ?? [];
  const at = rule === undefined ? -1 : layer.denied.indexOf(rule);
  if (/^\S+ in the 'when' of /.test(advice)) {
    const [, line] = /' in line (\d+) add /.exec(advice) ?? [];
    const changed = line === undefined ? rule! : layer.allowed!.find(({ place }) => place.line === Number(line))!;
    const list = line === undefined ? denied : process.allowed_syscalls!;
    const entry = list[(line === undefined ? layer.denied : layer.allowed!).indexOf(changed)] as Entry;
    const additions = [...advice.replace(/; or add .*$/, '').matchAll(/add ((?:'(?:[^']|'')*'(?: and )?)+) to (\w+)/g)];
    for (const [, patterns, key] of additions) {
      const more = [...patterns!.matchAll(/'((?:[^']|'')*)'/g)].map(([, text]) => text!.replaceAll("''", "'"));
      entry.when![key!] = [entry.when![key!], ...more].flat();
    }
    if (additions.length > 0) return line === undefined ? 'leave out' : 'take in';
  }
  if (advice.includes(`add '- ${name}' to allowed_syscalls`)) {
    process.allowed_syscalls!.push(name);
    return 'add';
  }
  if (/take 'action: \w+' from/.test(advice)) {
    const item = process.allowed_syscalls![layer.allowed!.indexOf(rule!)] as Entry;
    delete item.action;
    return 'change';
  }
  if (/take '.*' out of denied_syscalls/.test(advice)) {
    denied.splice(at, 1);
    return 'take out';
  }
  if (advice.includes('in denied_syscalls leave it out')) {
    // No pattern of one kind alone says what it is about: without it it is not about this.
    denied.splice(at, 1);
    return 'rewrite';
  }
  expect(advice).toContain(`in denied_syscalls name its calls without '${name}'`);
  const item = denied[at]!;
  const calls = rule!.calls.filter((one) => one !== name);
  denied[at] = typeof item === 'string' ? { calls } : { calls, ...(item.action === undefined ? {} : { action: item.action }) };
  return 'name others';
}

const adviceOf = (policy: Policy) => (name: string, about: Facts) => remedy(policy, name, about, decide(policy, name, about));

test('what is added is named, as it is written', () => {
  const policy = parse(
    JSON.stringify({
      process: {
        allowed_syscalls: [
          { call: 'path_open', when: { path: '/data/**' } },
          { call: 'net_connect', when: { host: 'a.b', port: 443 } },
        ],
        denied_syscalls: [
          { call: 'fd_write', when: { size: '> 4k', kind: 'file' } },
          { call: 'path_rename', when: { path: '!/data/**' } },
        ],
      },
    }),
  );
  const advice = adviceOf(policy);
  expect(advice('path_open', { paths: ["/o'brien/a*"] })).toBe(
    "policy.yaml:1: in the 'when' of 'path_open' in line 1 add '/o''brien/a\\*' to path; or add '- path_open' to allowed_syscalls",
  );
  expect(advice('net_connect', { host: 'c.d', port: 80 })).toContain("add 'c.d' to host, and add '80' to port; or");
  expect(advice('net_connect', { host: 'a.b', port: 80 })).toContain("in line 1 add '80' to port; or");
  // What is not known cannot be named.
  expect(advice('net_connect', { host: 'c.d' })).toContain("let 'when' of 'net_connect' in line 1 take it in, or add");
  expect(advice('fd_write', { size: 5000, kind: 'file' })).toContain("in denied_syscalls add '!= 5000' to size");
  expect(advice('path_rename', { paths: ['/x'] })).toContain("in denied_syscalls add '!/x' to path");
});

test('it names no more than is needed, and nothing that no policy can say', () => {
  const policy = parse(
    JSON.stringify({
      process: {
        denied_syscalls: [
          { call: 'path_rename', when: { path: '/data/private/**' } },
          { call: 'fd_allocate', when: { size: '> 4k' } },
          { call: 'proc_kill', when: { signal: '!SIGTERM' } },
          { call: 'net_connect', when: { host: '!a.b' } },
        ],
      },
    }),
  );
  const advice = adviceOf(policy);
  expect(advice('path_rename', { paths: ['/data/private/x', '/tmp/y'] })).toContain("add '!/data/private/x' to path");
  expect(advice('path_rename', { paths: ['/data/private/x', '/tmp/y'] })).not.toContain('/tmp/y');
  expect(advice('fd_allocate', { size: 2 ** 60 })).toContain('leave it out (size: > 4k)');
  expect(advice('proc_kill', { signal: 'none' })).toContain('leave it out (signal: !SIGTERM)');
  expect(advice('net_connect', { host: '0x7f.1' })).toContain('leave it out (host: !a.b)');
  expect(advice('path_rename', { paths: ['/data/private/a\nb'] })).toContain('leave it out (path: /data/private/**)');
});

test('all layers that refuse the call are named, by what it is about', () => {
  const base = { process: { allowed_syscalls: [{ call: 'path_open', when: { path: '/a/**' } }] } };
  const own = {
    process: {
      extends: './base.yaml',
      denied_syscalls: [
        { call: 'path_open', when: { path: '/b/**' } },
        { call: 'path_open', when: { access: 'write' } },
      ],
    },
  };
  const policy = parse(JSON.stringify(own), { './base.yaml': JSON.stringify(base) });
  const about: Facts = { paths: ['/b/x'], access: 'write' };
  const parts = remedy(policy, 'path_open', about, decide(policy, 'path_open', about)).split('; and ');
  expect(parts.map((part) => /add '[^']*'/.exec(part)?.[0])).toEqual(["add '/b/x'", "add '!/b/x'", "add '!write'"]);
});

test('nobody is told to change what SuperOS brings', () => {
  const policy = parse('process:\n  extends: cli\n');
  expect(remedy(policy, 'net_connect', {}, decide(policy, 'net_connect', {}))).toMatch(
    /^in a copy of \/.*\/policies\/cli\.yaml, line \d+: add '- net_connect' to allowed_syscalls$/,
  );
});

test('what else refuses it in the same layer is said at once', () => {
  const sample = (denied: string[]) =>
    parse(JSON.stringify({ process: { allowed_syscalls: ['read'], denied_syscalls: denied } }));
  const advice = (policy: ReturnType<typeof sample>) => remedy(policy, 'proc_spawn', {}, decide(policy, 'proc_spawn', {}));
  expect(advice(sample(['execve']))).toMatch(
    /take 'execve' out of denied_syscalls; and .* add '- proc_spawn' to allowed_syscalls$/,
  );
  expect(advice(sample(['execve', '@process'])).split('; and ')).toHaveLength(3);
});
