// Pipes: bytes from writers to readers through a bounded buffer in the kernel.
import { Capability } from '../caps/capability.ts';
import { type Counted, Description } from '../caps/object.ts';
import { RIGHT, streamRights } from '../caps/rights.ts';
import type { Errno } from '../hal/errno.ts';
import { Event } from '../hal/event.ts';
import { PIPE_BYTES } from './limits.ts';

const EMPTY = new Uint8Array(0);
/** Most pipes carry a few lines. */
const BUFFER_BYTES_MIN = 512;

/** Bytes of a buffer that is to hold `needed`, and doubles until it has `most`. */
export const roomFor = (needed: number, most: number): number =>
  Math.min(most, Math.max(BUFFER_BYTES_MIN, 2 ** Math.ceil(Math.log2(needed))));

/** The buffer between the two ends. Reading and writing never wait: AGAIN, and `ready` tells when. */
export class Pipe {
  readonly #bytes: number;
  readonly #freed: (() => void) | undefined;
  /** As large as what it has held: most standard streams are never written to. */
  #buffer = EMPTY;
  /** Where the oldest byte is, and how many there are. */
  #head = 0;
  #held = 0;
  #readers = 0;
  #writers = 0;
  readonly #readable = new Event();
  readonly #writable = new Event();

  /** `freed` is called once nobody holds either end. */
  constructor(bytes: number = PIPE_BYTES, freed?: () => void) {
    this.#bytes = bytes;
    this.#freed = freed;
  }

  get held(): number {
    return this.#held;
  }

  /** Bytes read, 0 at the end: nobody writes any more. */
  read(into: Uint8Array, at: number, length: number): number | Errno {
    if (this.#held === 0) return this.#writers === 0 || length === 0 ? 0 : 'AGAIN';
    const count = Math.min(length, this.#held);
    this.#copy(into, at, count);
    this.#held -= count;
    this.#head = this.#held === 0 ? 0 : (this.#head + count) % this.#buffer.length;
    this.#writable.fire();
    return count;
  }

  /** Bytes taken; PIPE when nobody reads any more. */
  write(from: Uint8Array, at: number, length: number): number | Errno {
    if (this.#readers === 0) return 'PIPE';
    if (length === 0) return 0;
    const count = Math.min(length, this.#bytes - this.#held);
    if (count === 0) return 'AGAIN';
    if (this.#held + count > this.#buffer.length) this.#grow(this.#held + count);
    const size = this.#buffer.length;
    const tail = (this.#head + this.#held) % size;
    const first = Math.min(count, size - tail);
    this.#buffer.set(from.subarray(at, at + first), tail);
    this.#buffer.set(from.subarray(at + first, at + count), 0);
    this.#held += count;
    this.#readable.fire();
    return count;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    if (event === 'read') return this.#held > 0 || this.#writers === 0 ? undefined : this.#readable.wait();
    return this.#held < this.#bytes || this.#readers === 0 ? undefined : this.#writable.wait();
  }

  open(end: 'read' | 'write'): void {
    if (end === 'read') this.#readers++;
    else this.#writers++;
  }

  close(end: 'read' | 'write'): void {
    if (end === 'read') {
      if (--this.#readers === 0) this.#writable.fire();
    } else if (--this.#writers === 0) this.#readable.fire();
    if (this.#readers === 0 && this.#writers === 0) this.#freed?.();
  }

  /** The oldest bytes. */
  #copy(into: Uint8Array, at: number, count: number): void {
    const first = Math.min(count, this.#buffer.length - this.#head);
    into.set(this.#buffer.subarray(this.#head, this.#head + first), at);
    into.set(this.#buffer.subarray(0, count - first), at + first);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(roomFor(needed, this.#bytes));
    this.#copy(larger, 0, this.#held);
    this.#buffer = larger;
    this.#head = 0;
  }
}

/** One end of a pipe, open until its last capability is gone. */
export class PipeEnd extends Description {
  readonly kind = 'pipe';
  readonly #pipe: Pipe;
  readonly #end: 'read' | 'write';

  constructor(pipe: Pipe, end: 'read' | 'write', counted?: Counted) {
    super('unknown', counted);
    this.#pipe = pipe;
    this.#end = end;
    pipe.open(end);
  }

  override read(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#end === 'read' ? this.#pipe.read(into, at, length) : 'BADF';
  }
  override write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#end === 'write' ? this.#pipe.write(from, at, length) : 'BADF';
  }
  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#pipe.ready(event);
  }
  override available(): number {
    return this.#end === 'read' ? this.#pipe.held : 0;
  }

  protected override destroy(): void {
    this.#pipe.close(this.#end);
  }
}

/** Both ends of a pipe, as capabilities that may be handed on. */
export function pipeEnds(pipe: Pipe, counted?: Counted): readonly [reader: Capability, writer: Capability] {
  const rights = streamRights(false) | RIGHT.transfer;
  return [
    new Capability(new PipeEnd(pipe, 'read'), rights & ~RIGHT.write),
    new Capability(new PipeEnd(pipe, 'write', counted), rights & ~RIGHT.read),
  ];
}
