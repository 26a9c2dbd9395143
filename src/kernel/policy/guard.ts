// What stands before the handler of a call whose arguments a policy asks about. It sees the same copies as the handler, and
// where paths matter it hands on the path that was judged, never the one that the guest wrote.
import type { Capability } from '../../caps/capability.ts';
import { withoutLinks } from '../../caps/links.ts';
import type { CapObject } from '../../caps/object.ts';
import { absolute, goesUp } from '../../caps/path.ts';
import type { Judge, Verdict } from '../../caps/policy/decide.ts';
import type { Facts } from '../../caps/policy/policy.ts';
import type { Errno } from '../../hal/errno.ts';
import type { Caller, Result } from '../../syscalls/caller.ts';
import { type CallFacts, type PathArgument, tell } from '../../syscalls/facts.ts';
import { type Call, type CallName, TABLE } from '../../syscalls/table.ts';
import type { Gate } from './gate.ts';

type Handed = readonly unknown[];
/** A handler, whatever it takes. */
export type LooseHandler = (caller: Caller, ...handed: Handed) => Result | number;

/** Without `judge` every call goes on, and is seen. */
export function guard(
  gate: Gate,
  name: CallName,
  facts: CallFacts,
  judge: Judge | undefined,
  handler: LooseHandler,
): LooseHandler {
  const guarded = new Guarded(gate, name, facts, judge, handler);
  return (caller, ...handed) => guarded.call(caller, handed);
}

class Guarded {
  readonly #gate: Gate;
  readonly #name: CallName;
  readonly #facts: CallFacts;
  readonly #judge: Judge | undefined;
  readonly #handler: LooseHandler;
  readonly #isValue: boolean;

  constructor(gate: Gate, name: CallName, facts: CallFacts, judge: Judge | undefined, handler: LooseHandler) {
    this.#gate = gate;
    this.#name = name;
    this.#facts = facts;
    this.#judge = judge;
    this.#handler = handler;
    this.#isValue = (TABLE[name] as Call).value === true;
  }

  call(caller: Caller, handed: Handed): Result | number {
    this.#gate.begin();
    const { paths } = this.#facts;
    if (!this.#gate.looksAtPaths || paths.length === 0) return this.#judged(caller, handed, true);
    // Where `..` leads is known once the links before it are.
    // The answer of a call with a value of its own does not tell that a link is in the way.
    if (this.#isValue || paths.some(({ at }) => goesUp(handed[at] as string))) return this.#byPlace(caller, handed);
    return this.#judged(caller, handed, false);
  }

  /** `placed`: the paths say where they lead; else a link may be in them, which the disk does not follow. */
  #judged(caller: Caller, handed: Handed, placed: boolean): Result | number {
    const facts = this.#read(caller, handed);
    const verdict = this.#judge?.(facts);
    if (verdict === undefined || verdict.action.do === 'allow') return this.#run(caller, handed, facts, placed);
    if (!placed) return this.#byPlace(caller, handed);
    const asks = verdict.action.do === 'notify' && this.#gate.enforced;
    // The lists of the call at hand are the kernel's, and are another call's while this one waits.
    const kept = asks ? handed.map((one) => (one === caller.iovecs ? caller.iovecs.copy() : one)) : handed;
    const used = this.#facts.capabilities.map((at) => kept[at] as Capability);
    return settle(this.#gate, verdict, { name: this.#name, caller, facts, used, go: () => this.#run(caller, kept, facts, true) });
  }

  #run(caller: Caller, handed: Handed, facts: Facts, placed: boolean): Result | number {
    const result = this.#handler(caller, ...handed);
    if (result === 'LOOP' && !placed) return this.#byPlace(caller, handed);
    this.#gate.observations?.add(this.#name, facts);
    return result;
  }

  /** The call with its links expanded. */
  #byPlace(caller: Caller, handed: Handed): Result | number {
    const expanded = [...handed];
    for (const argument of this.#facts.paths) {
      const path = this.#expand(caller, handed, argument);
      if (path.error !== undefined) return this.#isValue ? 0 : path.error;
      expanded[argument.at] = path.path;
    }
    return this.#judged(caller, expanded, true);
  }

  #expand(
    caller: Caller,
    handed: Handed,
    { at, directory, follows }: PathArgument,
  ): { path: string; error?: undefined } | { error: Errno } {
    const path = handed[at] as string;
    // What is no path beneath a directory is the handler's to refuse.
    if (path === '' || (directory !== undefined && path.startsWith('/'))) return { path };
    if (directory !== undefined) {
      const opened = (handed[directory] as Capability).object.directory;
      return opened === undefined ? { path } : result(withoutLinks(opened, path, follows(handed)));
    }
    const found = caller.resolve(path);
    if (found === undefined) return { path };
    const rest = result(withoutLinks(found.directory, found.rest, follows(handed)));
    return rest.error === undefined ? { path: absolute(found.capability.object.path, rest.path) } : rest;
  }

  /** Whether the first path leads to a directory, without a look through links. */
  #isDirectory(handed: Handed): boolean {
    const { at, directory } = this.#facts.paths[0]!;
    const stat = (handed[directory!] as Capability).object.directory?.stat((handed[at] as string).replace(/\/+$/, ''), false);
    return typeof stat === 'object' && stat.type === 'directory';
  }

  #read(caller: Caller, handed: Handed): Facts {
    const facts = tell(caller, this.#facts, handed);
    return this.#facts.moves && this.#isDirectory(handed) ? { ...facts, beneath: true } : facts;
  }
}

/** A call that is not plainly allowed. */
interface Pending {
  readonly name: CallName;
  readonly caller: Caller;
  readonly facts: Facts;
  /** What it works on: it goes on only where its process still holds these. */
  readonly used: readonly Capability<CapObject>[];
  readonly go: () => Result | number;
}

/** What becomes of it. */
export function settle(gate: Gate, verdict: Verdict, call: Pending): Result | number {
  const { name, facts, go } = call;
  if (verdict.action.do === 'notify' && gate.enforced) return ask(gate, verdict, call);
  gate.tell(name, facts, verdict);
  if (verdict.action.do === 'log' || !gate.enforced) return go();
  gate.observations?.add(name, facts);
  return gate.refuse(name, verdict);
}

/** Waits for an answer. */
function ask(gate: Gate, verdict: Verdict, { name, caller, facts, used, go }: Pending): Result | number {
  let answer: boolean | undefined;
  const asked = gate.ask(name, facts, verdict);
  const answered = (asked?.answer ?? Promise.resolve(false)).then(
    (allowed) => {
      answer = allowed === true;
      if (answer) gate.allow(name, verdict);
    },
    () => {
      answer = false;
    },
  );
  const goOn = (): Result | number => {
    if (used.some((one) => !caller.capabilities.holds(one))) {
      asked?.withdraw();
      return 'BADF';
    }
    if (answer === undefined) return caller.block([answered, ...used.map((one) => one.gone())], undefined, goOn);
    if (answer) return go();
    gate.tell(name, facts, verdict);
    return gate.refuse(name, verdict);
  };
  return goOn();
}

const result = (walked: { path: string } | Errno): { path: string; error?: undefined } | { error: Errno } =>
  typeof walked === 'string' ? { error: walked } : walked;
