// What is told of capabilities and refusals, to whoever keeps the audit log. Events are plain data, which can be sent to
// another thread; where nobody listens, none is made.
import type { Capability } from './capability.ts';
import { type CapObject, rightsByName } from './object.ts';

/** What became of a capability: the first six; what a call was refused for; what a policy decided. */
export type AuditKind = 'grant' | 'derive' | 'open' | 'duplicate' | 'transfer' | 'revoke' | 'drop' | 'refuse' | 'policy';

export interface AuditEvent {
  readonly what: AuditKind;
  /** The process that it befell or that did it, and what that runs. */
  readonly pid: number;
  readonly program: string;
  /** More, by `what`: see the functions that make it. Plain data. */
  readonly [detail: string]: unknown;
}

export interface Auditor {
  /** Must not throw, nor change any capability. */
  record(event: AuditEvent): void;
}

/** Kinds of refusals of one process that are told apart; of more than these only calls and rules are. */
const KINDS_MAX = 256;

interface Refused {
  readonly detail: Detail;
  count: number;
  told: number;
}

type Detail = Readonly<Record<string, unknown>>;

/**
 * What a process does, to its auditor. A refusal costs a guest next to nothing: those alike are told at the first, and then as
 * their number, `count`, at each power of two and at the end, so that no loop fills a log.
 */
export class Audit {
  readonly #refused = new Map<string, Refused>();
  readonly #auditor: Auditor;
  readonly #pid: number;
  readonly #program: string;

  constructor(auditor: Auditor, pid: number, program: string) {
    this.#auditor = auditor;
    this.#pid = pid;
    this.#program = program;
  }

  record(what: AuditKind, detail: Detail): void {
    if (what === 'refuse') this.#refuse(detail);
    else this.#tell(what, detail);
  }

  /** The process is over. */
  close(): void {
    for (const one of this.#refused.values()) if (one.told < one.count) this.#tellRefused(one);
  }

  #refuse(detail: Detail): void {
    const { call, why, action, rule, place, enforced } = detail;
    const key = JSON.stringify(detail);
    const seen = this.#refused.get(key);
    if (seen === undefined && this.#refused.size >= KINDS_MAX)
      this.#count(`${call} ${place}`, { call, why, action, rule, place, enforced, more: true });
    else this.#count(key, detail, seen);
  }

  #count(key: string, detail: Detail, seen = this.#refused.get(key)): void {
    const one = seen ?? { detail, count: 0, told: 0 };
    if (one.count++ === 0) this.#refused.set(key, one);
    if (Number.isInteger(Math.log2(one.count))) this.#tellRefused(one);
  }

  #tellRefused(one: Refused): void {
    one.told = one.count;
    this.#tell('refuse', one.count === 1 ? one.detail : { ...one.detail, count: one.count });
  }

  #tell(what: AuditKind, detail: Detail): void {
    this.#auditor.record({ what, pid: this.#pid, program: this.#program, ...detail });
  }

  /** A capability: its kind, its rights, the grant it came from, the number that it has or had, if any; and why, or how. */
  capability(what: AuditKind, { object, rights, inheriting, name, place }: Capability<CapObject>, how?: string): void {
    this.record(what, {
      kind: object.kind,
      rights: rightsByName(object, rights).join(' '),
      ...(inheriting !== 0 && inheriting !== rights && { inheriting: rightsByName(object, inheriting).join(' ') }),
      ...(name !== undefined && { name }),
      ...(place >= 0 && { number: place }),
      ...(how !== undefined && { how }),
    });
  }
}
