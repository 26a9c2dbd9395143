// The audit log of a machine: a file to which records are only ever added, each sealed to the one before. A record is with the
// host before `record` returns, or `record` throws: nothing that should have been recorded goes on unrecorded.
//
// It survives the end of this process, however that comes; not a host that loses power, since nothing waits for the disk.
import fs from 'node:fs';
import type { AuditEvent, Auditor } from '../../caps/audit.ts';
import { SuperosError } from '../error.ts';
import { GENESIS, LINE_BYTES_MAX, RECOVERED, seal, tornOf, unseal } from './chain.ts';
import { tail } from './lines.ts';
import { lock } from './lock.ts';

const { O_RDWR, O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK } = fs.constants;
const OWNER_ONLY = 0o600;
const NOTHING = Buffer.alloc(0);

export interface AuditLogOptions {
  /** What records are dated by. */
  readonly now?: () => Date;
}

export class AuditLog implements Auditor {
  readonly path: string;
  readonly #fd: number;
  readonly #now: () => Date;
  #unlock: (() => void) | undefined;
  #seq = 0;
  #head = GENESIS;
  /** What is in the file after the last record. */
  #torn: Buffer = NOTHING;
  #closed = false;

  private constructor(path: string, fd: number, { now = () => new Date() }: AuditLogOptions) {
    this.path = path;
    this.#fd = fd;
    this.#now = now;
  }

  /** Begins a log, or goes on with one. Throws SuperosError: the file is something else, its end does not verify, another writes it. */
  static open(path: string, options: AuditLogOptions = {}): AuditLog {
    const fd = openFile(path);
    const log = new AuditLog(path, fd, options);
    try {
      log.#resume();
      return log;
    } catch (error) {
      log.#unlock?.();
      fs.closeSync(fd);
      throw error;
    }
  }

  /** The hash of the last record. Kept elsewhere, it shows later whether the end of the log was cut off. */
  get head(): string {
    return this.#head;
  }

  /** Throws SuperosError where the record could not be written whole; the next one then says what is left of it. */
  record(event: AuditEvent): void {
    if (this.#closed) throw new SuperosError('closed', `the audit log ${this.path} is closed`);
    if (this.#torn.length > 0) this.#recover();
    this.#append(event);
  }

  /** Gives the file up to other writers. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlock?.();
    fs.closeSync(this.#fd);
  }

  #resume(): void {
    const stat = fs.fstatSync(this.#fd);
    if (!stat.isFile()) throw new SuperosError('invalid-argument', `the audit log ${this.path} is not a file`);
    this.#unlock = lock(this.#fd, this.path);
    if (this.#unlock === undefined)
      throw new SuperosError('invalid-argument', `the audit log ${this.path} is being written by another process`);
    // Not before the lock is held: until then another may have added to it.
    const { size } = fs.fstatSync(this.#fd);
    if (size === 0) return;
    const end = tail(this.#fd, size);
    if (end === undefined) throw this.#refusal('its last line is longer than a record can be');
    if (end.last !== undefined) {
      const last = unseal(end.last);
      if (typeof last === 'string')
        throw this.#refusal(last === 'changed' ? 'its last record was changed' : 'its last line is no record');
      this.#seq = last.seq;
      this.#head = last.hash;
    } else if (!isBeginning(end.rest)) {
      throw this.#refusal('it holds something else');
    }
    if (end.rest.length === 0) return;
    this.#torn = Buffer.from(end.rest);
    this.#recover();
  }

  /** Ends the line that was cut and says so in a record that names it: the chain goes on from the record before. */
  #recover(): void {
    const found = unseal(this.#torn);
    if (typeof found !== 'string' && found.seq === this.#seq + 1 && found.prev === this.#head) {
      // Only its end is missing.
      this.#write('\n');
      this.#advance(found.hash);
    } else {
      this.#append({ what: RECOVERED, torn: tornOf(this.#torn) }, '\n');
    }
  }

  #append(fields: object, before = ''): void {
    const { line, hash } = seal(this.#seq + 1, this.#now(), fields, this.#head);
    if (line.length > LINE_BYTES_MAX) throw new SuperosError('invalid-argument', 'a record is too long for the audit log');
    this.#write(`${before}${line}\n`);
    this.#advance(hash);
  }

  #advance(head: string): void {
    this.#torn = NOTHING;
    this.#seq++;
    this.#head = head;
  }

  /** What is written of a text that cannot be written whole adds to what is torn already. */
  #write(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    let written = 0;
    try {
      // A disk that is nearly full takes a part; the next try says why.
      while (written < bytes.length) written += fs.writeSync(this.#fd, bytes, written);
    } catch (error) {
      this.#torn = Buffer.concat([this.#torn, bytes.subarray(0, written)]);
      const { code = '' } = error as NodeJS.ErrnoException;
      throw new SuperosError('invalid-argument', `the audit log ${this.path} cannot be written: ${code}`, { cause: error });
    }
  }

  #refusal(why: string): SuperosError {
    return new SuperosError(
      'invalid-argument',
      `${this.path} is no audit log to go on with: ${why}; see superos audit verify, or name a new file`,
    );
  }
}

/** Of a log whose very first line was cut. */
const isBeginning = (bytes: Buffer): boolean => {
  const start = '{"seq":1,"time":"';
  const text = bytes.toString('latin1');
  return text.startsWith(start) || start.startsWith(text);
};

function openFile(path: string): number {
  try {
    // Without waiting: a pipe that nobody reads is no log.
    return fs.openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, OWNER_ONLY);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new SuperosError('invalid-argument', `the audit log ${path} is a directory`);
    throw new SuperosError(
      code === 'ENOENT' ? 'not-found' : 'invalid-argument',
      `the audit log ${path} cannot be opened: ${code}`,
    );
  }
}
