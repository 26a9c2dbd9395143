// The gate of a process: what its policy makes of each system call when the process is linked. A call that is allowed whatever
// its arguments is linked to the bare system call, one that is refused so to a stub; only what depends on arguments is looked at
// when it is made, after they were copied and checked, and before the handler sees them.
import type { Audit } from '../../caps/audit.ts';
import type { Capability } from '../../caps/capability.ts';
import type { CapObject } from '../../caps/object.ts';
import { could, decide, type Judge, judge, outlook, strictness, type Verdict } from '../../caps/policy/decide.ts';
import { type Action, type Facts, flat, type Place, type Policy } from '../../caps/policy/policy.ts';
import { BLOCKED, type Caller, type Result } from '../../syscalls/caller.ts';
import { type AnyHandler, bind, type Import } from '../../syscalls/dispatch.ts';
import { ERRNO } from '../../syscalls/errno.ts';
import { factsOf } from '../../syscalls/facts.ts';
import { HANDLERS } from '../../syscalls/handlers.ts';
import { CALLS, type Call, type CallName, TABLE } from '../../syscalls/table.ts';
import { founder } from '../offspring.ts';
import type { Process } from '../process.ts';
import { denied, trapped } from '../status.ts';
import { guard, type LooseHandler, settle } from './guard.ts';
import { Observations } from './observations.ts';
import { LoggedCalls, Refusals, Told } from './refusals.ts';
import type { Doer, Logged, Refusal, Supervisor } from './supervisor.ts';
import { isSilent, looksAtPaths, type Watch } from './watch.ts';

/** The one call that no policy is asked about: a process can always end. */
const FREE: CallName = 'proc_exit';
const GROW = 'memory_grow';
const REFUSING = strictness({ do: 'errno', errno: 'PERM' });

export class Gate {
  readonly observations: Observations | undefined;
  /** Paths matter: the process's directories follow no link that the policy has not seen. */
  readonly looksAtPaths: boolean;
  readonly enforced: boolean;
  #refusals = new Refusals();
  /** Once there is something. */
  #logged: LoggedCalls | undefined;
  #told = false;
  /** Told so far. */
  #verdicts = 0;
  #allowed: (Pick<Verdict, 'rule' | 'layer'> & { readonly name: CallName }) | undefined;
  /** Withdraw the questions that wait for an answer. */
  readonly #asked = new Set<() => void>();
  readonly #policy: Policy | undefined;
  readonly #supervisor: Supervisor | undefined;
  readonly #audit: Audit | undefined;
  #process: Process;
  readonly watch: Watch;
  readonly #growth: Judge | undefined;

  constructor(process: Process, watch: Watch, audit: Audit | undefined) {
    const { policy, enforce, supervisor } = watch;
    this.#process = process;
    this.watch = watch;
    this.#policy = policy;
    this.#supervisor = supervisor;
    this.#audit = audit;
    this.enforced = enforce;
    this.observations = supervisor?.observe === undefined ? undefined : new Observations();
    this.looksAtPaths = looksAtPaths(watch);
    this.#growth = policy === undefined || outlook(policy, GROW) === 'allow' ? undefined : judge(policy, GROW);
  }

  /** It can serve one process after another. */
  get silent(): boolean {
    return this.#audit === undefined && isSilent(this.watch);
  }

  /** For another process under the same policy. */
  renew(process: Process): void {
    this.#process = process;
    this.#refusals = new Refusals();
    this.#logged = undefined;
    this.#told = false;
  }

  /** What was refused to the process. */
  get refused(): readonly Refusal[] {
    return this.#refusals.list;
  }

  /** What it did that is to be logged. */
  get logged(): readonly Logged[] {
    return this.#logged?.list ?? [];
  }

  /** The process has ended, or nothing of it runs any more: tells what it did. */
  close(): void {
    if (this.#told) return;
    this.#told = true;
    this.#audit?.close();
    if (this.#asked.size > 0) {
      for (const withdraw of this.#asked) withdraw();
      this.#asked.clear();
    }
    if (this.observations !== undefined) this.#supervisor?.observe?.(this.observations.list, this.#doer);
  }

  get #doer(): Doer {
    const { pid, program } = this.#process;
    return { pid, program: program.name };
  }

  /** What a guest is linked to for the call `name`. */
  link(name: CallName, caller: Caller, polled: boolean): Import {
    const handler: AnyHandler = HANDLERS[name];
    return name === FREE ? bind(name, handler, caller, polled) : this.#judged(name, handler, caller, polled);
  }

  #judged(name: CallName, handler: AnyHandler, caller: Caller, polled: boolean): Import {
    const policy = this.#policy;
    const verdict = policy === undefined ? 'allow' : outlook(policy, name);
    const facts = factsOf(name);
    const seen = this.observations !== undefined || (this.looksAtPaths && facts.paths.length > 0);
    // One that is reviewed on its way is judged there, unless it is refused whatever it is about.
    const refused = typeof verdict === 'object' && strictness(verdict.action) >= REFUSING && this.enforced;
    const bare = facts.reviewed ? !refused : verdict === 'allow' && !seen;
    if (bare) return bind(name, handler, caller, polled);
    // Who watches wants to know what was asked for: then the arguments are decoded all the same.
    const watched = seen || this.#audit !== undefined || !this.enforced;
    const guarded = (breathes: boolean) => {
      const judged = policy === undefined ? undefined : judge(policy, name);
      return bind(name, guard(this, name, facts, judged, handler as LooseHandler) as AnyHandler, caller, breathes);
    };
    if (typeof verdict === 'object' && verdict.action.do === 'errno' && !watched)
      return this.#stub(name, verdict, caller, polled, () => guarded(false));
    return guarded(polled);
  }

  /** A call that tells only on its way what it is about, such as the addresses of a name: it goes on with `go`. */
  review(name: CallName, caller: Caller, facts: Facts, go: () => Result, by?: Capability<CapObject>): Result {
    const verdict = this.#policy === undefined ? undefined : decide(this.#policy, name, facts);
    const run = () => {
      this.observations?.add(name, facts);
      return go();
    };
    // It was asked for the same before it was under way.
    const { name: asked, rule, layer } = this.#allowed ?? {};
    const again = verdict?.action.do === 'notify' && asked === name && rule === verdict.rule && layer === verdict.layer;
    if (verdict === undefined || verdict.action.do === 'allow' || again) return run();
    return settle(this, verdict, { name, caller, facts, used: by === undefined ? [] : [by], go: run }) as Result;
  }

  /** Such a call before its name is looked up: refused where no address could make up for the name. */
  preview(name: CallName, caller: Caller, facts: Facts, go: () => Result): Result {
    const policy = this.#policy;
    if (policy === undefined || !this.enforced || could(policy, name, facts)) return go();
    return settle(this, decide(policy, name, facts), { name, caller, facts, used: [], go }) as Result;
  }

  /** Refuses without a look at the arguments, but for the first time: who is told of it learns what it was about. */
  #stub(name: CallName, verdict: Verdict, caller: Caller, polled: boolean, guarded: () => Import): Import {
    const number = CALLS.indexOf(name);
    const { action } = verdict;
    const result = (TABLE[name] as Call).value || action.do !== 'errno' ? 0 : ERRNO[action.errno];
    const { counts, epoch } = caller;
    let look: Import | undefined;
    let looked: Refusals | undefined;
    return (...raw) => {
      if (looked === this.#refusals) {
        counts[number]!++;
        this.tell(name, {}, verdict);
      } else {
        looked = this.#refusals;
        look ??= guarded();
        const before = this.#verdicts;
        // An internal error has ended the process.
        if (look(...raw) < 0) return -1;
        // Arguments that are none at all are not judged.
        if (this.#verdicts === before) this.tell(name, {}, verdict);
      }
      return polled && epoch[0] !== 0 ? caller.breathe(result) : result;
    };
  }

  /** Whether memory may grow by so many bytes. Nothing can wait there for an answer: a rule that asks refuses. */
  grow(bytes: number): boolean {
    const facts = { size: bytes };
    this.observations?.add(GROW, facts);
    const verdict = this.#growth?.(facts);
    if (verdict === undefined || verdict.action.do === 'allow') return true;
    this.tell(GROW, facts, verdict);
    if (verdict.action.do === 'log' || !this.enforced) return true;
    this.#end(GROW, verdict.action.do, verdict.place);
    return false;
  }

  /** Asks who watches; undefined where nobody answers. `withdraw`: the answer is not waited for. */
  ask(name: CallName, facts: Facts, { rule, place }: Verdict): { answer: Promise<boolean>; withdraw: () => void } | undefined {
    const { promise: withdrawn, resolve } = Promise.withResolvers<void>();
    const answer = this.#supervisor?.ask?.({ ...this.#doer, call: name, facts, rule: rule?.written, place }, withdrawn);
    if (answer === undefined) return undefined;
    const settle = () => this.#asked.delete(resolve);
    this.#asked.add(resolve);
    answer.then(settle, settle);
    return {
      answer,
      withdraw: () => {
        if (settle()) resolve();
      },
    };
  }

  /** A call begins: what was said of the one before does not hold for it. */
  begin(): void {
    this.#allowed = undefined;
  }

  /** Who was asked said yes to the call at hand. */
  allow(name: CallName, { rule, layer }: Verdict): void {
    this.#allowed = { name, rule, layer };
  }

  /** Carries out a verdict that is enforced; the call does not go on. A question that was not answered with yes is a no. */
  refuse(name: CallName, { action, place }: Verdict): Result | number {
    if (action.do === 'errno' || action.do === 'notify') {
      if ((TABLE[name] as Call).value) return 0;
      return action.do === 'errno' ? action.errno : 'PERM';
    }
    this.#end(name, action.do, place);
    return BLOCKED;
  }

  /** Tells who watches what the policy made of a call. */
  tell(name: string, facts: Facts, verdict: Verdict): void {
    const { action, place, rule } = verdict;
    this.#verdicts++;
    if (action.do === 'log') this.#log(name, facts, verdict);
    else this.#refused(name, facts, verdict);
    this.#audit?.record(action.do === 'log' ? 'policy' : 'refuse', {
      call: name,
      action: action.do,
      rule: rule?.written ?? 'default',
      place: `${place.file}:${place.line}`,
      enforced: this.enforced,
      ...flat(facts),
    });
  }

  #refused(name: string, facts: Facts, verdict: Verdict): void {
    this.#refusals.add(this.#policy!, name, facts, verdict);
    this.#above?.refused.add(this.#policy!, name, facts, verdict, this.#doer);
  }

  #log(name: string, facts: Facts, verdict: Verdict): void {
    this.#logged ??= new LoggedCalls();
    this.#logged.add(name, facts, verdict);
    this.#above?.logged.add(name, facts, verdict, this.#doer);
  }

  /** What the first process of its tree is told of, where that is another. */
  get #above(): Told | undefined {
    const first = founder(this.#process);
    if (first === this.#process) return undefined;
    first.told ??= new Told();
    return first.told;
  }

  #end(name: string, how: Action['do'], { file, line }: Place): void {
    if (how === 'kill') this.#process.end(denied(`${name} is not allowed (${file}:${line})`));
    else if (how === 'trap') this.#process.end(trapped(`${name} is not allowed (${file}:${line})`));
  }
}
