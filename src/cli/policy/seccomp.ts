// From a seccomp profile, as container engines have them, to a policy. What cannot be said in a policy is left out on the safe
// side: what comes out never allows by a name what the profile refuses by it. Each such thing is told.

import { strictness } from '../../caps/policy/decide.ts';
import { actionText, commentText, type Entry, entryLines, scalar } from '../../caps/policy/entry.ts';
import type { Action, Vocabulary } from '../../caps/policy/policy.ts';
import { fromNumber } from '../../hal/node/disk/errno.ts';
import { CommandError } from '../error.ts';
import { policyName } from './output.ts';
import { START } from './warnings.ts';

/** As the runtime specification of the Open Container Initiative has it; the rest of it is about the host's processor. */
interface Profile {
  readonly default: Action;
  readonly rules: readonly SeccompRule[];
}

interface SeccompRule {
  readonly names: readonly string[];
  readonly action: Action;
  /** It asks for the values of arguments. */
  readonly conditions: number;
  /** Why it does not hold on the host that the profile is read for. */
  readonly inapplicable: string | undefined;
}

export interface Imported {
  readonly text: string;
  /** What could not be said, a line each. */
  readonly told: readonly string[];
}

/** Throws CommandError where the JSON is no profile. */
export function importSeccomp(json: unknown, file: string, vocabulary: Vocabulary): Imported {
  const told: string[] = [];
  const profile = readProfile(json, file, told);
  const known = (name: string) => vocabulary.posix.get(name) ?? (vocabulary.calls.includes(name) ? [name] : undefined);
  const decided = decideNames(profile, told);
  const unknown = [...decided.keys()].filter((name) => known(name) === undefined);
  const absent = [...decided.keys()].filter((name) => known(name)?.length === 0);
  if (unknown.length > 0) told.push(`not known, and left out: ${unknown.join(', ')}`);
  const lists = sorted(profile, decided, (name) => (known(name)?.length ?? 0) > 0, told);
  told.push(...conflicts(lists, known));
  return { text: textOf(file, profile, lists, absent, told), told };
}

/** By name what becomes of it: of the rules that apply the first that names it. */
function decideNames({ rules }: Profile, told: string[]): Map<string, Action> {
  const decided = new Map<string, Action>();
  for (const { names, action, conditions, inapplicable } of rules) {
    if (inapplicable !== undefined) {
      told.push(`a rule for ${some(names)} is left out: ${inapplicable}`);
      continue;
    }
    const open = names.filter((name) => !decided.has(name));
    if (conditions === 0) for (const name of open) decided.set(name, action);
    else if (open.length > 0) told.push(conditional(open, action, decided));
  }
  return decided;
}

/** A rule that asks for the values of registers, which no policy can: it never comes to allow anything, but may come to refuse. */
function conditional(names: readonly string[], action: Action, decided: Map<string, Action>): string {
  if (permits(action)) return `${some(names)}: allowed there for some arguments only; left out`;
  for (const name of names) decided.set(name, action);
  return `${some(names)}: refused there for some arguments only; here for all`;
}

const permits = ({ do: what }: Action): boolean => what === 'allow' || what === 'log' || what === 'notify';
const same = (a: Action, b: Action): boolean => actionText(a) === actionText(b);

interface Lists {
  /** Undefined where everything is allowed that is not denied. */
  readonly allowed: readonly Entry[] | undefined;
  readonly denied: readonly Entry[];
}

function sorted(
  { default: rest }: Profile,
  decided: ReadonlyMap<string, Action>,
  means: (name: string) => boolean,
  told: string[],
): Lists {
  const entries = [...decided].filter(([name]) => means(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const entry = (call: string, action: Action, usual: Action): Entry => ({
    call,
    when: [],
    action: same(action, usual) ? undefined : action,
  });
  const allowed: Entry[] = [];
  const denied: Entry[] = [];
  for (const [name, action] of entries) {
    if (!permits(action)) {
      if (!same(action, rest)) denied.push(entry(name, action, PERM));
    } else if (strictness(action) <= strictness(rest)) allowed.push(entry(name, action, ALLOW));
    else if (action.do === 'log') told.push(`${name}: logged there, and not here, where all is allowed that is not denied`);
    else {
      told.push(`${name}: somebody is asked there; here it is refused, since all else is allowed`);
      denied.push(entry(name, PERM, PERM));
    }
  }
  return { allowed: rest.do === 'allow' ? undefined : allowed, denied };
}

const PERM: Action = { do: 'errno', errno: 'PERM' };
const ALLOW: Action = { do: 'allow' };

/** Names of one call here that are different calls there, of which some are refused. */
function conflicts({ allowed = [], denied }: Lists, known: (name: string) => readonly string[] | undefined): string[] {
  const refused = new Map(denied.flatMap(({ call }) => (known(call) ?? []).map((ours) => [ours, call])));
  return allowed.flatMap(({ call }) =>
    (known(call) ?? []).flatMap((ours) => {
      const by = refused.get(ours);
      return by === undefined ? [] : [`${ours} is ${call}, which is allowed there, and ${by}, which is not: refused`];
    }),
  );
}

function textOf(
  file: string,
  { default: rest }: Profile,
  lists: Lists,
  absent: readonly string[],
  told: readonly string[],
): string {
  const { allowed, denied } = lists;
  const lines = [`# Imported from the seccomp profile ${commentText(file)} by superos policy import.`];
  for (const one of told) lines.push(...wrapped(one));
  if (absent.length > 0) lines.push(...wrapped(`No process has these, whatever a policy says: ${absent.join(', ')}`));
  lines.push('version: 1', 'process:', `  name: ${scalar(nameOf(file))}`);
  if (allowed !== undefined) {
    lines.push('  allowed_syscalls:', '    # What every program does at its start, for which Linux has no calls.');
    for (const call of [...START, 'fd_fdstat_get']) lines.push(`    - ${call}`);
    lines.push('    # Of the profile.', ...allowed.flatMap((entry) => entryLines(entry, 4)));
    lines.push(`  default: ${actionText(rest)}`);
  }
  if (denied.length > 0) lines.push('  denied_syscalls:', ...denied.flatMap((entry) => entryLines(entry, 4)));
  return `${lines.join('\n')}\n`;
}

const nameOf = (file: string): string => (file === '-' ? 'imported' : policyName(file));

const WIDTH = 120;

function wrapped(text: string): string[] {
  const lines = ['#'];
  for (const word of text.split(' ')) {
    const safe = commentText(word);
    if (lines.at(-1)!.length + safe.length >= WIDTH) lines.push('#  ');
    lines[lines.length - 1] += ` ${safe}`;
  }
  return lines;
}

const NAMES_MAX = 5;
const some = (names: readonly string[]): string =>
  names.length <= NAMES_MAX ? names.join(', ') : `${names.slice(0, NAMES_MAX).join(', ')} and ${names.length - NAMES_MAX} more`;

function readProfile(json: unknown, file: string, told: string[]): Profile {
  const fail = (what: string) => new CommandError(`${file} is no seccomp profile: ${what}`);
  if (!isObject(json)) throw fail('an object is expected');
  const { defaultAction, defaultErrnoRet, syscalls = [] } = json;
  if (defaultAction === undefined) throw fail('defaultAction is missing');
  if (!Array.isArray(syscalls)) throw fail('syscalls: a list is expected');
  const action = (value: unknown, errno: unknown, where: string): Action => {
    const read = readAction(value, errno);
    if (read?.do === 'errno' && read.errno === 'IO' && errno !== EIO)
      told.push(`${where}: the error ${String(errno)} is not known; here it is EIO`);
    if (read === undefined) throw fail(`${where}: ${Object.keys(ACTIONS).join(', ')} is expected, not ${JSON.stringify(value)}`);
    return read;
  };
  return {
    default: action(defaultAction, defaultErrnoRet, 'defaultAction'),
    rules: syscalls.map((rule: unknown, i): SeccompRule => {
      const where = `syscalls[${i}]`;
      if (!isObject(rule)) throw fail(`${where}: an object is expected`);
      const { names = [rule['name']], args = [] } = rule;
      if (!isTexts(names)) throw fail(`${where}.names: a list of names is expected`);
      if (args !== null && !Array.isArray(args)) throw fail(`${where}.args: a list is expected`);
      return {
        names,
        action: action(rule['action'], rule['errnoRet'], `${where}.action`),
        conditions: args?.length ?? 0,
        inapplicable: inapplicable(rule),
      };
    }),
  };
}

const ACTIONS: Readonly<Record<string, Action['do']>> = {
  SCMP_ACT_ALLOW: 'allow',
  SCMP_ACT_LOG: 'log',
  SCMP_ACT_NOTIFY: 'notify',
  SCMP_ACT_TRACE: 'notify',
  SCMP_ACT_ERRNO: 'errno',
  SCMP_ACT_TRAP: 'trap',
  SCMP_ACT_KILL: 'kill',
  SCMP_ACT_KILL_THREAD: 'kill',
  SCMP_ACT_KILL_PROCESS: 'kill',
};

const EPERM = 1;
const EIO = 5;

function readAction(value: unknown, errno: unknown = EPERM): Action | undefined {
  const what = typeof value === 'string' && Object.hasOwn(ACTIONS, value) ? ACTIONS[value] : undefined;
  if (what !== 'errno') return what && { do: what };
  return { do: 'errno', errno: typeof errno === 'number' ? fromNumber(errno) : 'PERM' };
}

/** Profiles are read as for a process on x86-64 that has none of the privileges that Linux calls capabilities. */
const ARCHES: readonly string[] = ['amd64', 'x86_64', 'SCMP_ARCH_X86_64'];

function inapplicable({ includes, excludes }: Readonly<Record<string, unknown>>): string | undefined {
  const list = (from: unknown, key: string): readonly string[] => (isObject(from) && isTexts(from[key]) ? from[key] : []);
  const caps = list(includes, 'caps');
  if (caps.length > 0) return `it is for processes that have ${caps.join(', ')}`;
  const arches = list(includes, 'arches');
  if (arches.length > 0 && !arches.some((one) => ARCHES.includes(one))) return `it is for ${arches.join(', ')}`;
  if (list(excludes, 'arches').some((one) => ARCHES.includes(one))) return 'it is for other processors';
  return undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
