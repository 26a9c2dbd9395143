// What one file says: its layer, its limits and namespaces, and the names of those that it extends. Its shape was checked
// before; what has the wrong one is passed over.
import { PatternError } from '../pattern.ts';
import { nameGlob, pathGlob } from './glob.ts';
import type { Action, Granted, Limit, Namespaces, Policy, Target, Vocabulary } from './policy.ts';
import { actionOf, RuleReader } from './rules.ts';
import { LIMITS } from './schema.ts';
import type { Source } from './source.ts';
import { entriesOf, itemsOf, type Node, oneOrMore, type Scalar, textOf } from './tree.ts';

/** What is wrong with a text, and where in it. */
export interface Mistake {
  readonly offset: number;
  readonly message: string;
}

/** Those who know what grants and limits mean. */
export interface Checks {
  grant(text: string): Mistake | undefined;
  /** A number as a program would give it: bytes, milliseconds, a count. Throws an Error that says what is expected. */
  limit(name: string, written: string | number): number;
}

export interface Wanted {
  readonly name: string;
  readonly offset: number;
}

/** A policy of one layer, and what it extends. */
export function readFile(
  root: Node,
  source: Source,
  vocabulary: Vocabulary,
  checks: Checks,
): { policy: Policy; extended: Wanted[] } {
  const process = entriesOf(root).get('process');
  const entries = entriesOf(process?.value);
  const value = (key: string) => entries.get(key)?.value;
  const name = textOf(value('name')) ?? nameOf(source.file);
  const allowed = entries.get('allowed_syscalls');
  const denied = value('denied_syscalls');
  const otherwise = readDefault(entries.get('default'), allowed !== undefined, source);
  const rules = new RuleReader(source, vocabulary);
  const capabilities = value('capabilities');
  const policy: Policy = {
    name,
    layers: [
      {
        name,
        file: source.file,
        shipped: source.shipped,
        allowed: allowed === undefined ? undefined : rules.read(allowed.value, 'allowed', otherwise),
        denied: denied === undefined ? [] : rules.read(denied, 'denied', otherwise),
        default: otherwise,
        place: source.place((allowed ?? process)?.offset ?? 0),
        capabilities: capabilities === undefined ? undefined : readGrants(capabilities, source, checks),
      },
    ],
    limits: readLimits(value('limits'), source, checks),
    namespaces: readNamespaces(value('namespaces'), source),
    for: value('for') === undefined ? undefined : oneOrMore(value('for')).map((node) => readTarget(node, source)),
  };
  const extended = oneOrMore(value('extends')).flatMap((node) => {
    const name = textOf(node);
    return name === undefined ? [] : [{ name, offset: node.offset }];
  });
  return { policy, extended };
}

/** `database` of `policies/database.yaml`. */
const nameOf = (file: string) => file.replace(/^.*[/\\]/, '').replace(/\.\w+$/, '') || 'policy';

function readDefault(entry: { offset: number; value: Node } | undefined, listed: boolean, source: Source): Action {
  const action = (entry === undefined ? undefined : actionOf(entry.value)) ?? ({ do: 'errno', errno: 'PERM' } as const);
  if (entry === undefined) return action;
  if (!listed && action.do !== 'allow')
    source.problem(
      entry.offset,
      "'default' is for what allowed_syscalls leaves out, and without that all is allowed that is not denied; with 'allowed_syscalls: []' it is for all",
    );
  if (listed && action.do === 'allow')
    source.problem(entry.offset, "with 'default: allow' the list of allowed_syscalls is of no use: take out one of them");
  return action;
}

function readGrants(list: Node, source: Source, checks: Checks): Granted[] {
  return scalars(itemsOf(list)).map((node) => {
    const text = String(node.value);
    const mistake = checks.grant(text);
    if (mistake !== undefined) source.problem(node.inside + mistake.offset, mistake.message);
    return { text, place: source.place(node.offset) };
  });
}

function readLimits(node: Node | undefined, source: Source, checks: Checks): Record<string, Limit> {
  const limits: Record<string, Limit> = {};
  for (const [name, { value }] of entriesOf(node)) {
    // The schema has told of it.
    if (!Object.hasOwn(LIMITS, name)) continue;
    const amount = (one: Node | undefined) => {
      if (one?.kind !== 'scalar' || (typeof one.value !== 'string' && typeof one.value !== 'number')) return undefined;
      try {
        return checks.limit(name, one.value);
      } catch (error) {
        source.problem(one.offset, error instanceof Error ? error.message : String(error));
        return undefined;
      }
    };
    const soft = amount(entriesOf(value).get('soft')?.value);
    const hard = amount(value.kind === 'mapping' ? value.entries.get('hard')?.value : value);
    if (hard === undefined) continue;
    if (soft !== undefined && soft > hard) source.problem(value.offset, 'the soft limit is at most the hard one');
    limits[name] = { soft, hard, place: source.place(value.offset) };
  }
  return limits;
}

function readNamespaces(node: Node | undefined, source: Source): Namespaces {
  const entries = entriesOf(node);
  const environment = entriesOf(entries.get('environment')?.value);
  const pass = environment.get('pass')?.value;
  const mounts = entries.get('mounts')?.value;
  const set = [...entriesOf(environment.get('set')?.value)].map(([name, { value }]) => [name, textOf(value) ?? ''] as const);
  return {
    pid: textOf(entries.get('pid')?.value) === 'true',
    hostname: textOf(entries.get('hostname')?.value),
    environment: {
      pass: entries.has('environment') ? [patterns(oneOrMore(pass), nameGlob, source)] : [],
      set: Object.fromEntries(set),
    },
    mounts: mounts === undefined ? [] : [patterns(itemsOf(mounts), pathGlob, source)],
  };
}

function readTarget(node: Node, source: Source): Target {
  const entries = entriesOf(node);
  if (node.kind === 'mapping' && entries.size === 0) source.problem(node.offset, "'for' has program, sha256 or both");
  const program = entries.get('program')?.value;
  const [pattern] = program === undefined ? [] : patterns([program], nameGlob, source);
  return { program: pattern, sha256: textOf(entries.get('sha256')?.value)?.toLowerCase() };
}

function patterns(nodes: readonly Node[], parse: (text: string) => unknown, source: Source): string[] {
  return scalars(nodes).map((node) => {
    const text = String(node.value);
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      source.problem(node.inside + error.offset, error.message);
    }
    return text;
  });
}

const scalars = (nodes: readonly Node[]) => nodes.filter((node): node is Scalar => node.kind === 'scalar' && node.value !== null);
