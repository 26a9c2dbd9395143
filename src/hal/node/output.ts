// Output to a descriptor of the host. Where a pipe is full, one more chunk is taken and left to Node, whose completion tells
// when there is room again: nothing else in Node waits for that. Until then the stream is full. Never waits in a write.
import fs from 'node:fs';
import type net from 'node:net';
import type { Stream } from '../console.ts';
import type { Errno } from '../errno.ts';
import { Backoff } from './backoff.ts';
import { type Descriptor, openDescriptor, typeOf } from './descriptor.ts';
import { fromException } from './disk/errno.ts';
import { CLOSED, HERE, type Transfer } from './disk/transfer.ts';
import { HELD } from './held.ts';

/** What a Linux pipe holds. */
const CHUNK_BYTES = 65_536;

export class Output implements Stream {
  readonly #fd: number;
  readonly #transferOf: (fd: number) => Transfer;
  #type: Stream['type'] | undefined;
  #target: Descriptor | undefined;
  #transfer: Transfer = CLOSED;
  /** Set for good where nobody reads any more, or the stream is closed. */
  #over: Errno | undefined;
  #socket: net.Socket | undefined;
  #backoff: Backoff | undefined;
  /** Set while the stream is full. */
  #waiting: Promise<void> | undefined;
  #wake: () => void = () => {};

  constructor(fd: number, type: Stream['type'] | undefined, transferOf: (fd: number) => Transfer) {
    this.#fd = fd;
    this.#type = type;
    this.#transferOf = transferOf;
  }

  get type(): Stream['type'] {
    this.#type ??= typeOf(this.#fd);
    return this.#type;
  }

  read(): Errno {
    return 'BADF';
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    if (this.#over !== undefined) return this.#over;
    if (this.#waiting !== undefined) return 'AGAIN';
    const target = this.#target ?? this.#open();
    if (typeof target === 'string') return target;
    const written = this.#transfer.write(from, at, length, HERE);
    if (typeof written !== 'number') return this.#failed(written, target, from, at, length);
    this.#backoff?.reset();
    return written;
  }

  #failed(error: Errno, target: Descriptor, from: Uint8Array, at: number, length: number): number | Errno {
    if (error === 'PIPE') this.#over = 'PIPE';
    if (error !== 'AGAIN') return error;
    if (target.waiting === 'socket') return this.#hand(target, from, at, length);
    this.#fill();
    this.#backoff ??= new Backoff();
    this.#backoff.wait(() => this.#drained());
    return 'AGAIN';
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    return event === 'write' ? this.#waiting : undefined;
  }

  /** What Node has taken over is still written. */
  close(): void {
    if (this.#over === 'BADF') return;
    this.#over = 'BADF';
    if (this.#waiting === undefined) this.#release();
    else void this.#waiting.then(() => this.#release());
  }

  #release(): void {
    this.#backoff?.cancel();
    if (this.#socket !== undefined) this.#socket.destroy();
    else if (this.#target?.own) {
      fs.closeSync(this.#target.fd);
      HELD.bytes[this.#target.fd] = 0;
    }
    this.#target = undefined;
  }

  #open(): Descriptor | Errno {
    const target = openDescriptor(this.#fd, 'write', this.type);
    if (typeof target === 'string') {
      this.#over = target;
      return target;
    }
    this.#target = target;
    this.#transfer = this.#transferOf(target.fd);
    // What could not be opened anew is made non-blocking by Node's own stream, which puts it back when the host exits.
    if (!target.own && target.waiting === 'socket') this.#connect(target);
    return target;
  }

  #hand(target: Descriptor, from: Uint8Array, at: number, length: number): number {
    const chunk = from.slice(at, at + Math.min(length, CHUNK_BYTES));
    this.#fill();
    this.#connect(target).write(chunk, (error) => {
      if (error) this.#over ??= fromException(error);
      this.#drained();
    });
    return chunk.length;
  }

  #fill(): void {
    this.#waiting = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #drained(): void {
    this.#waiting = undefined;
    this.#wake();
  }

  #connect(target: Descriptor): net.Socket {
    if (this.#socket === undefined) {
      // From now on it is closed by Node.
      HELD.bytes[target.fd] = 0;
      const { Socket } = process.getBuiltinModule('node:net');
      this.#socket = new Socket({ fd: target.fd, readable: false, writable: true });
      // The callback of the write that failed has it too.
      this.#socket.on('error', (error) => {
        this.#over ??= fromException(error);
      });
    }
    return this.#socket;
  }
}
