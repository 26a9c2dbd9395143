// Events for the audit log on their way from a kernel's thread to the machine. A bounded number is under way: a kernel that is
// ahead waits until it was heard, so that no guest fills the heap of who embeds it. None is left out.
import type { AuditEvent, Auditor } from '../../caps/audit.ts';

/** Events sent and not heard: one takes about a kilobyte. */
export const EVENTS_MAX = 4096;

/** How many were heard, as both sides have it. */
export const newCount = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

/** On the kernel's thread. */
export class SendingAuditor implements Auditor {
  readonly #send: (event: AuditEvent) => void;
  readonly #heard: Int32Array;
  #sent = 0;

  constructor(send: (event: AuditEvent) => void, heard: SharedArrayBuffer) {
    this.#send = send;
    this.#heard = new Int32Array(heard);
  }

  record(event: AuditEvent): void {
    this.#send(event);
    this.#sent = (this.#sent + 1) | 0;
    for (let heard = this.#now; ((this.#sent - heard) | 0) >= EVENTS_MAX; heard = this.#now) Atomics.wait(this.#heard, 0, heard);
  }

  get #now(): number {
    return Atomics.load(this.#heard, 0);
  }
}

/** On the machine's thread. */
export class HearingAuditor implements Auditor {
  readonly #auditor: Auditor;
  readonly #heard: Int32Array;

  constructor(auditor: Auditor, heard: SharedArrayBuffer) {
    this.#auditor = auditor;
    this.#heard = new Int32Array(heard);
  }

  record(event: AuditEvent): void {
    this.#auditor.record(event);
    Atomics.add(this.#heard, 0, 1);
    Atomics.notify(this.#heard, 0);
  }
}
