// The entries of `allowed_syscalls` and `denied_syscalls`: which calls their names stand for, and whether their conditions can
// be asked of those. What has the wrong shape was told before, and is passed over here.
import type { Errno } from '../../hal/errno.ts';
import { PatternError } from '../pattern.ts';
import { compile, type Side } from './condition.ts';
import { strictness } from './decide.ts';
import type { Action, Condition, Key, Rule, Vocabulary } from './policy.ts';
import type { Source } from './source.ts';
import { entriesOf, itemsOf, type Node, type Scalar, textOf } from './tree.ts';

const PERM: Action = { do: 'errno', errno: 'PERM' };
/** Characters of names in a message. */
const WRITTEN_MAX = 100;
const KEYS: readonly Key[] = ['path', 'host', 'port', 'size', 'signal', 'clock', 'kind', 'access'];

export class RuleReader {
  readonly #source: Source;
  readonly #vocabulary: Vocabulary;
  /** By what is written, with the keys of conditions: one list however often a group is named. */
  readonly #stands = new Map<string, readonly string[]>();

  constructor(source: Source, vocabulary: Vocabulary) {
    this.#source = source;
    this.#vocabulary = vocabulary;
  }

  /** Those that allow must not be stricter than what becomes of a call without them, or one taken out would allow more. */
  read(list: Node, side: Side, otherwise: Action): Rule[] {
    return itemsOf(list).map((item) => this.#rule(item, side, otherwise));
  }

  #rule(item: Node, side: Side, otherwise: Action): Rule {
    const entries = entriesOf(item);
    const one = item.kind === 'scalar' ? item : entries.get('call')?.value;
    const several = entries.get('calls')?.value;
    if (item.kind === 'mapping' && (one === undefined) === (several === undefined))
      this.#source.problem(
        item.offset,
        one === undefined ? "an entry has 'call', a name, or 'calls', a list" : "an entry has either 'call' or 'calls'",
      );
    const names = [...(one === undefined ? [] : [one]), ...(several === undefined ? [] : itemsOf(several))].filter(
      (node) => node.kind === 'scalar',
    );
    const when = entries.get('when')?.value;
    const conditions = when === undefined ? [] : this.#conditions(when, side);
    const keys = conditions.map(({ key }) => key);
    const calls =
      names.length === 1 ? this.#expand(names[0]!, keys) : [...new Set(names.flatMap((name) => this.#expand(name, keys)))];
    const written = entries.get('action')?.value;
    const action = written === undefined ? undefined : actionOf(written);
    const does = action ?? (side === 'allowed' ? ({ do: 'allow' } as const) : PERM);
    if (side === 'allowed' && strictness(does) > strictness(otherwise))
      this.#source.problem(
        (written ?? item).offset,
        `'${does.do}' is stricter than 'default: ${otherwise.do}', so that the entry would take away what the list is there to give`,
      );
    const text = names.map((name) => String(name.value)).join(', ');
    return {
      calls,
      conditions,
      action: does,
      place: this.#source.place(item.offset),
      written: text.length > WRITTEN_MAX ? `${text.slice(0, WRITTEN_MAX)}...` : text,
    };
  }

  #expand(name: Scalar, keys: readonly Key[]): readonly string[] {
    const written = String(name.value);
    const id = `${written} ${keys.join(' ')}`;
    let calls = this.#stands.get(id);
    if (calls === undefined) {
      calls = this.#standsFor(name, written, keys);
      this.#stands.set(id, calls);
    }
    return calls;
  }

  /** What a condition asks for, a call must have; of what a group or a name of POSIX stands for, those are meant that have it. */
  #standsFor(name: Scalar, written: string, keys: readonly Key[]): readonly string[] {
    const { calls, groups, posix, keysOf } = this.#vocabulary;
    const all = written.startsWith('@') ? groups.get(written.slice(1)) : calls.includes(written) ? [written] : posix.get(written);
    if (all === undefined) return [];
    const meant = all.filter((call) => keys.every((key) => keysOf(call).includes(key)));
    if (meant.length === 0 && all.length > 0) {
      const missing = keys.find((key) => !all.some((call) => keysOf(call).includes(key)));
      const has = [...new Set(all.flatMap((call) => keysOf(call)))];
      const there = has.length === 0 ? 'none can be asked of it' : `it has ${has.join(', ')}`;
      this.#source.problem(
        name.offset,
        `'${written}' has no ${missing ?? keys.join(' together with ')} for a condition to ask for; ${there}`,
      );
    }
    return meant;
  }

  #conditions(when: Node, side: Side): Condition[] {
    const entries = entriesOf(when);
    if (when.kind === 'mapping' && entries.size === 0)
      this.#source.problem(when.offset, `'when' has at least one of ${KEYS.join(', ')}`);
    return KEYS.flatMap((key) => {
      const value = entries.get(key)?.value;
      if (value === undefined) return [];
      const nodes = (value.kind === 'list' ? value.items : [value]).filter(
        (node) => node.kind === 'scalar' && node.value !== null,
      );
      const patterns = nodes.map(textOf).filter((text) => text !== undefined);
      for (const node of nodes as Scalar[]) this.#check(key, node, side);
      return [{ key, patterns }];
    });
  }

  #check(key: Key, node: Scalar, side: Side): void {
    try {
      compile({ key, patterns: [String(node.value)] }, side);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      this.#source.problem(node.inside + error.offset, error.message);
    }
  }
}

/** Undefined where it is none, which was told before. */
export function actionOf(node: Node): Action | undefined {
  const written = textOf(node) ?? textOf(entriesOf(node).get('errno')?.value);
  switch (written) {
    case undefined:
      return undefined;
    case 'allow':
    case 'log':
    case 'notify':
    case 'trap':
    case 'kill':
      return { do: written };
    case 'errno':
      return PERM;
    default:
      return { do: 'errno', errno: written.replace(/^errno: /, '') as Errno };
  }
}
