// The auditor of a machine. When a record cannot be kept, nothing that should be recorded goes on: the machine is told, and ends
// its processes.
import type { AuditEvent, Auditor } from '../caps/audit.ts';
import { reasonText } from '../kernel/reason.ts';
import { shown } from './checks.ts';
import { SuperosError } from './error.ts';

export class Auditing implements Auditor {
  /** Called once, when a record could not be kept. */
  onFailure: () => void = () => undefined;
  readonly #auditor: Auditor;
  readonly #close: () => void;
  #failure: SuperosError | undefined;

  private constructor(auditor: Auditor, close: () => void) {
    this.#auditor = auditor;
    this.#close = close;
  }

  /** `where`: the path of a log, which is this one's from now on, or an auditor of the embedder. Rejects with SuperosError. */
  static async open(where: string | Auditor): Promise<Auditing> {
    if (typeof where !== 'string') {
      if (typeof where?.record === 'function') return new Auditing(where, () => undefined);
      throw new SuperosError(
        'invalid-argument',
        `audit is the path of a log, or an object with a method record, not ${shown(where)}`,
      );
    }
    const { AuditLog } = await import('./audit/log.ts');
    const log = AuditLog.open(where);
    return new Auditing(log, () => log.close());
  }

  /** Why a record could not be kept. */
  get failure(): SuperosError | undefined {
    return this.#failure;
  }

  record(event: AuditEvent): void {
    try {
      this.#auditor.record(event);
    } catch (error) {
      if (this.#failure !== undefined) return;
      this.#failure =
        error instanceof SuperosError
          ? error
          : new SuperosError('invalid-argument', `the auditor failed: ${reasonText(error)}`, { cause: error });
      this.onFailure();
    }
  }

  close(): void {
    this.#close();
  }
}
