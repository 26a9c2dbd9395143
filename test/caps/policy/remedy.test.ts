// The change that a remedy names, made to the document, allows the call; where several places refuse it, one after another does.
import { expect, test } from 'vitest';
import { decide, type Verdict } from '../../../src/caps/policy/decide.ts';
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
      const advice = remedy(policy, name, verdict);
      expect(advice).toMatch(new RegExp(`^policy\\.yaml:${verdict.place.line}: `));
      expect(text.split('\n')[verdict.place.line - 1]).toBe(verdict.place.text);
      expect(changes, `run ${run}: ${advice}`).toBeLessThan(CHANGES_MAX);
      // The first part is about what decided; the others are what would refuse it next.
      kinds.add(apply(whole, name, verdict, advice.split('; and ')[0]!));
    }
  }
  expect([...kinds].sort()).toEqual(['add', 'change', 'leave out', 'name others', 'take out']);
});

/** Does what the advice says, and tells which kind it was. */
function apply({ process }: Document, name: string, { layer, rule }: Verdict, advice: string): string {
  const denied = process.denied_syscalls ?? [];
  const at = rule === undefined ? -1 : layer.denied.indexOf(rule);
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
    // What leaves everything out is easier than what leaves this out.
    denied.splice(at, 1);
    return 'leave out';
  }
  expect(advice).toContain(`in denied_syscalls name its calls without '${name}'`);
  const item = denied[at]!;
  const calls = rule!.calls.filter((one) => one !== name);
  denied[at] = typeof item === 'string' ? { calls } : { calls, ...(item.action === undefined ? {} : { action: item.action }) };
  return 'name others';
}

test('what else refuses it in the same layer is said at once', () => {
  const sample = (denied: string[]) =>
    parse(JSON.stringify({ process: { allowed_syscalls: ['read'], denied_syscalls: denied } }));
  const advice = (policy: ReturnType<typeof sample>) => remedy(policy, 'proc_spawn', decide(policy, 'proc_spawn', {}));
  expect(advice(sample(['execve']))).toMatch(
    /take 'execve' out of denied_syscalls; and .* add '- proc_spawn' to allowed_syscalls$/,
  );
  expect(advice(sample(['execve', '@process'])).split('; and ')).toHaveLength(3);
});
