// The process's ends of standard streams whose other ends are on the embedder's thread: what a pipe is in place. Reading and
// writing never wait; what is under way is bounded by what the other side has room for.
import { Capability } from '../../caps/capability.ts';
import { Description } from '../../caps/object.ts';
import { RIGHT, streamRights } from '../../caps/rights.ts';
import type { Errno } from '../../hal/errno.ts';
import { Event } from '../../hal/event.ts';
import { PIPE_BYTES } from '../../kernel/limits.ts';
import { roomFor } from '../../kernel/pipe.ts';
import { WINDOW_BYTES } from './protocol.ts';

/** How an end reaches the other side. */
export interface Wire {
  data(bytes: ArrayBuffer): void;
  taken(): void;
  shut(): void;
}

const rights = streamRights(false) | RIGHT.transfer;
const EMPTY = new Uint8Array(0);

/** An output: what is written is sent once the guest is off the CPU, or at once where the guest may never be (`eager`). */
export class Outlet extends Description {
  readonly kind = 'pipe';
  readonly #wire: Wire;
  readonly #eager: boolean;
  /** What may still be written. */
  #room = WINDOW_BYTES;
  /** As large as what it has held. */
  #chunk = EMPTY;
  #filled = 0;
  #sending = false;
  #shut = false;
  readonly #writable = new Event();

  constructor(wire: Wire, eager: boolean) {
    super('unknown', 'output');
    this.#wire = wire;
    this.#eager = eager;
  }

  override write(from: Uint8Array, at: number, length: number): number | Errno {
    if (this.#shut) return 'PIPE';
    if (this.#room === 0 && length > 0) return 'AGAIN';
    const count = Math.min(length, this.#room, PIPE_BYTES);
    if (this.#filled + count > PIPE_BYTES) this.#flush();
    this.#reserve(this.#filled + count);
    this.#chunk.set(from.subarray(at, at + count), this.#filled);
    this.#filled += count;
    this.#room -= count;
    if (this.#eager || this.#filled === PIPE_BYTES) this.#flush();
    else if (!this.#sending) {
      this.#sending = true;
      Promise.resolve().then(this.#send);
    }
    return count;
  }

  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return event === 'read' || this.#room > 0 || this.#shut ? undefined : this.#writable.wait();
  }

  /** The reader has taken so many bytes. */
  credit(bytes: number): void {
    this.#room += bytes;
    this.#writable.fire();
  }

  /** Nobody reads any more. */
  shut(): void {
    this.#shut = true;
    this.#filled = 0;
    this.#writable.fire();
  }

  protected override destroy(): void {
    this.#flush();
    this.#wire.shut();
  }

  #reserve(needed: number): void {
    if (needed <= this.#chunk.length) return;
    const larger = new Uint8Array(roomFor(needed, PIPE_BYTES));
    larger.set(this.#chunk.subarray(0, this.#filled));
    this.#chunk = larger;
  }

  readonly #send = (): void => {
    this.#sending = false;
    this.#flush();
  };

  /** A chunk that is full is sent as it is; of another what is filled is cut out, and the chunk goes on being used. */
  #flush(): void {
    const { buffer } = this.#chunk;
    const filled = this.#filled;
    if (filled === 0) return;
    this.#filled = 0;
    if (filled < PIPE_BYTES) {
      this.#wire.data(buffer.slice(0, filled));
      return;
    }
    this.#chunk = EMPTY;
    this.#wire.data(buffer);
  }
}

/** An input: the pieces that the embedder sent. The next one is asked for when what is left fits into a pipe. */
export class Inlet extends Description {
  readonly kind = 'pipe';
  readonly #wire: Wire;
  readonly #pieces: Uint8Array[] = [];
  /** How much of the first piece has been read, and what there is to read. */
  #read = 0;
  #held = 0;
  /** The last piece is not yet said to be taken; there is never more than one. */
  #untaken = false;
  #ended = false;
  readonly #readable = new Event();

  constructor(wire: Wire) {
    super('unknown');
    this.#wire = wire;
  }

  override read(into: Uint8Array, at: number, length: number): number | Errno {
    if (this.#held === 0) return this.#ended || length === 0 ? 0 : 'AGAIN';
    let count = 0;
    while (count < length && this.#held > 0) {
      const piece = this.#pieces[0]!;
      const part = Math.min(length - count, piece.length - this.#read);
      into.set(piece.subarray(this.#read, this.#read + part), at + count);
      this.#read += part;
      this.#held -= part;
      count += part;
      if (this.#read < piece.length) continue;
      this.#pieces.shift();
      this.#read = 0;
    }
    this.#take();
    return count;
  }

  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return event === 'write' || this.#held > 0 || this.#ended ? undefined : this.#readable.wait();
  }

  override available(): number {
    return this.#held;
  }

  push(bytes: ArrayBuffer): void {
    this.#pieces.push(new Uint8Array(bytes));
    this.#held += bytes.byteLength;
    this.#untaken = true;
    this.#take();
    this.#readable.fire();
  }

  /** Nobody writes any more. */
  end(): void {
    this.#ended = true;
    this.#readable.fire();
  }

  protected override destroy(): void {
    this.#wire.shut();
  }

  #take(): void {
    if (!this.#untaken || this.#held > PIPE_BYTES) return;
    this.#untaken = false;
    this.#wire.taken();
  }
}

export const outlet = (end: Outlet): Capability => new Capability(end, rights & ~RIGHT.read);
export const inlet = (end: Inlet): Capability => new Capability(end, rights & ~RIGHT.write);
