// What is told of capabilities and refusals, to whoever keeps the audit log. Events are plain data, which can be sent to
// another thread; where nobody listens, none is made.
import type { Capability } from './capability.ts';
import type { CapObject } from './object.ts';

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

/** What a process does, to its auditor. */
export class Audit {
  readonly #auditor: Auditor;
  readonly #pid: number;
  readonly #program: string;

  constructor(auditor: Auditor, pid: number, program: string) {
    this.#auditor = auditor;
    this.#pid = pid;
    this.#program = program;
  }

  record(what: AuditKind, detail: Readonly<Record<string, unknown>>): void {
    this.#auditor.record({ what, pid: this.#pid, program: this.#program, ...detail });
  }

  /** A capability: its kind, its rights, the grant it came from, the number that it has or had, if any; and why, or how. */
  capability(what: AuditKind, { object, rights, inheriting, name, place }: Capability<CapObject>, how?: string): void {
    this.record(what, {
      kind: object.kind,
      rights,
      inheriting,
      ...(name !== undefined && { name }),
      ...(place >= 0 && { number: place }),
      ...(how !== undefined && { how }),
    });
  }
}
