// Random and mutated policies: each is read or refused with a PolicyError, and what is read decides as the reference does.
import { parse as parseYaml } from 'yaml';
import { judge, outlook, type Verdict } from '../../../src/caps/policy/decide.ts';
import type { ParseOptions } from '../../../src/caps/policy/language.ts';
import type { Facts, Policy } from '../../../src/caps/policy/policy.ts';
import { Random } from '../../../src/hal/sim/random.ts';
import { SuperosError } from '../../../src/machine/error.ts';
import { governed } from '../../../src/machine/governed.ts';
import { formatGrant } from '../../../src/machine/grammar.ts';
import { checkTarget } from '../../../src/machine/policy.ts';
import type { Program } from '../../../src/runtime/program.ts';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';
import { call, document, facts, mutate, program, render } from './generate.ts';
import { language, options } from './parse.ts';
import { type Decision, type Document, type Files, referenceDecision } from './reference.ts';
import { isFor, referenceTerms, type Terms } from './terms.ts';

export interface Report {
  texts: number;
  read: number;
  refused: number;
  decisions: number;
  /** By action. */
  actions: Record<string, number>;
  /** Milliseconds of the slowest text. */
  slowestMs: number;
  differences: string[];
}

const DECISIONS = 8;
/** A text that takes less is not looked at again: one of a few thousand characters takes a hundredth of it. */
const LONG_MS = 100;
/** A text, with what it extends, may not take so many times as long as a plain one of as many characters: this host may be slow. */
const LONG = 20;

/** Texts `first` to `first + count` of a seed: each depends on its number alone. */
export function fuzz(
  seed: number,
  count: number,
  first = 0,
  progress?: (done: number, differences: readonly string[]) => void,
): Report {
  const report: Report = { texts: 0, read: 0, refused: 0, decisions: 0, actions: {}, slowestMs: 0, differences: [] };
  for (let i = first; i < first + count; i++) {
    one(new Random(Math.imul(seed, 0x9e3779b1) + i), `seed ${seed} text ${i}`, report);
    progress?.(++report.texts, report.differences);
  }
  return report;
}

function one(random: Random, name: string, report: Report): void {
  const bases = random.chance(0.3)
    ? Object.fromEntries(Array.from({ length: 1 + random.below(2) }, (_, i) => [`./base${i}.yaml`, document(random)]))
    : {};
  const extended = Object.keys(bases);
  const own = document(random, extended.length === 0 ? undefined : extended);
  const written = render(random, own).replace(/^\n/, '');
  const sound = random.chance(0.4);
  const text = sound ? written : mutate(random, written);
  const files = Object.fromEntries(Object.entries(bases).map(([file, base]) => [file, JSON.stringify(base)]));
  const begun = performance.now();
  const policy = read(text, options(files), `${name}:\n${text}`, sound, report);
  const tookMs = performance.now() - begun;
  const leastMs = tookMs < LONG_MS ? tookMs : Math.min(tookMs, least(text, options(files)));
  report.slowestMs = Math.max(report.slowestMs, leastMs);
  const characters = [text, ...Object.values(files)].reduce((sum, { length }) => sum + length, 0);
  if (leastMs >= LONG_MS && leastMs >= LONG * least(plain(characters), options({})))
    report.differences.push(`${name}:\n${text}\n takes ${leastMs.toFixed(0)} ms`);
  if (policy === undefined) return;
  const document_ = parseYaml(text, { schema: 'core' }) as Document;
  const wanted = [document_.process.extends ?? []].flat();
  // A mutation may have named a ready policy: the reference knows only the files made here.
  if (!wanted.every((file) => Object.hasOwn(bases, file))) return;
  const layers: Files = [...new Set(wanted)].map((file) => [file, bases[file]!] as const).concat([['policy.yaml', document_]]);
  compareTerms(policy, layers, program(random), `${name}:\n${text}`, report);
  for (let i = 0; i < DECISIONS; i++) compare(policy, layers, call(random), facts(random), `${name}:\n${text}`, report);
}

/** The least milliseconds of some times: one may have been another's. */
function least(text: string, how: ParseOptions): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const begun = performance.now();
    attempt(() => language.parse(text, how));
    leastMs = Math.min(leastMs, performance.now() - begun);
  }
  return leastMs;
}

/** A policy of so many characters, or a few more. */
function plain(characters: number): string {
  const rule = '    - { call: fd_read, action: log }\n';
  return `process:\n  name: plain\n  allowed_syscalls:\n${rule.repeat(Math.ceil(characters / rule.length))}`;
}

/** What it throws is looked at elsewhere. */
function attempt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

function read(text: string, how: ParseOptions, name: string, sound: boolean, report: Report): Policy | undefined {
  try {
    const policy = language.parse(text, how);
    report.read++;
    return policy;
  } catch (error) {
    report.refused++;
    if (!(error instanceof Error) || error.name !== 'PolicyError')
      report.differences.push(`${name}\n threw ${error instanceof Error ? error.stack : error}`);
    else if (sound) report.differences.push(`${name}\n is well-formed, but was refused:\n${error.message}`);
    return undefined;
  }
}

/** What it says beside calls. */
function compareTerms(policy: Policy, files: Files, about: { name: string; hash: string }, where: string, report: Report): void {
  const expected = { ...referenceTerms(files, process.env), for: isFor(files, about) };
  const found = { ...termsOf(policy, expected.grants !== undefined), for: fits(policy, about as Program) };
  for (const part of ['grants', 'limits', 'pid', 'environment', 'for'] as const) {
    const [one, other] = [found, expected].map((all) => JSON.stringify(sorted(all[part])));
    if (one !== other) report.differences.push(`${where}\n${JSON.stringify(about)}: ${part} are ${one}, not ${other}`);
  }
}

function termsOf(policy: Policy, listed: boolean): Terms {
  const { grants, environment } = governed(policy, { grants: undefined, environment: new Map(), limits: {} }, true);
  return {
    grants: listed ? [...new Set(grants.map(formatGrant))].sort() : undefined,
    limits: Object.fromEntries(
      Object.entries(policy.limits).map(([name, { soft, hard }]) => [
        name,
        soft === undefined || soft === hard ? { hard } : { soft, hard },
      ]),
    ),
    pid: policy.namespaces.pid,
    environment: Object.fromEntries(environment),
  };
}

function fits(policy: Policy, program: Program): boolean {
  try {
    checkTarget(policy, program);
    return true;
  } catch (error) {
    if (error instanceof SuperosError) return false;
    throw error;
  }
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    : value;

function compare(policy: Policy, files: Files, name: string, about: Facts, where: string, report: Report): void {
  report.decisions++;
  const verdict = judge(policy, name)(about);
  const found = asDecision(verdict);
  report.actions[found.action.do] = (report.actions[found.action.do] ?? 0) + 1;
  const expected = referred(files, name, about, where, report);
  if (expected === undefined) return;
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const say = (what: string) => report.differences.push(`${where}\n${name} ${JSON.stringify(about)}: ${what}`);
  if (differs(found, expected)) say(`decided ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  const ahead = outlook(policy, name);
  if (ahead === 'depends') return;
  if (ahead === 'allow' ? verdict.action.do !== 'allow' : differs(asDecision(ahead), found))
    say(`the outlook was ${JSON.stringify(ahead)}`);
}

/** The reference believes that documents are well-formed: where it fails, one was read that is not. */
function referred(files: Files, name: string, about: Facts, where: string, report: Report): Decision | undefined {
  try {
    return referenceDecision(files, name, about, VOCABULARY);
  } catch (error) {
    report.differences.push(
      `${where}\n${name} ${JSON.stringify(about)}: the reference failed: ${error instanceof Error ? error.stack : error}`,
    );
    return undefined;
  }
}

export function asDecision({ action, layer, rule }: Verdict): Decision {
  const list =
    rule === undefined
      ? ''
      : layer.denied.includes(rule)
        ? `denied ${layer.denied.indexOf(rule)}`
        : `allowed ${layer.allowed!.indexOf(rule)}`;
  return { action, file: layer.file, rule: list };
}
