// A simulated stream: the test is at its other end. It holds a bounded number of bytes, and gives AGAIN and short transfers
// at the moments a seed decides.
import type { Stream } from '../console.ts';
import type { Errno } from '../errno.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** How long it takes until who waits notices a change. */
const DELAY_NS = 1000;

export class SimStream implements Stream {
  readonly type: Stream['type'];
  readonly #capacity: number;
  readonly #timeline: Timeline;
  readonly #faults: Faults;
  readonly #random: Random;
  #held: number[] = [];
  #ended = false;
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(timeline: Timeline, faults: Faults, random: Random, capacity = 65_536, type: Stream['type'] = 'pipe') {
    this.#timeline = timeline;
    this.#faults = faults;
    this.#random = random;
    this.#capacity = capacity;
    this.type = type;
  }

  read(into: Uint8Array, at: number, length: number): number | Errno {
    if (this.#closed) return 'BADF';
    if (length === 0) return 0;
    if (this.#held.length === 0) return this.#ended ? 0 : 'AGAIN';
    if (this.#random.chance(this.#faults.again)) return 'AGAIN';
    const bytes = this.#held.splice(0, this.#some(length));
    into.set(bytes, at);
    this.#changed();
    return bytes.length;
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    if (this.#closed) return 'BADF';
    if (this.#ended) return 'PIPE';
    const room = this.#capacity - this.#held.length;
    if (length === 0) return 0;
    if (room === 0 || this.#random.chance(this.#faults.again)) return 'AGAIN';
    const count = Math.min(room, this.#some(length));
    for (let i = 0; i < count; i++) this.#held.push(from[at + i]!);
    this.#changed();
    return count;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    const now = event === 'read' ? this.#held.length > 0 : this.#held.length < this.#capacity;
    if (now || this.#closed || this.#ended) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  close(): void {
    this.#closed = true;
    this.#changed();
  }

  /** From the other end: gives bytes to read. */
  feed(bytes: Uint8Array): void {
    this.#held.push(...bytes);
    this.#changed();
  }

  /** From the other end: takes what was written. */
  take(length = this.#held.length): Uint8Array {
    const bytes = Uint8Array.from(this.#held.splice(0, length));
    this.#changed();
    return bytes;
  }

  /** From the other end: no more comes, and nobody reads any more. */
  end(): void {
    this.#ended = true;
    this.#changed();
  }

  #some(length: number): number {
    return length > 1 && this.#random.chance(this.#faults.short) ? 1 + this.#random.below(length - 1) : length;
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) this.#timeline.add(DELAY_NS, wake);
  }
}
