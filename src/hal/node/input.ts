// Input from a descriptor of the host. Waiting takes at most one byte from it, which the next read gets first: what a guest
// does not read is left for whoever reads the descriptor next. Never reads on the thread pool, where a read that nobody
// answers would keep the host from exiting.
import fs from 'node:fs';
import type net from 'node:net';
import type { Stream } from '../console.ts';
import type { Errno } from '../errno.ts';
import { Backoff } from './backoff.ts';
import { type Descriptor, openDescriptor, typeOf } from './descriptor.ts';
import { fromException } from './disk/errno.ts';
import { CLOSED, HERE, type Transfer } from './disk/transfer.ts';
import { HELD } from './held.ts';

const NOTHING = -1;
const END = -2;
const NEWLINE = 10;

export class Input implements Stream {
  readonly #fd: number;
  readonly #transferOf: (fd: number) => Transfer;
  #type: Stream['type'] | undefined;
  #source: Descriptor | undefined;
  #transfer: Transfer = CLOSED;
  /** The byte that waiting took, END once where waiting found the end of a terminal's input, or NOTHING. */
  #ahead = NOTHING;
  /** Set for good where the source is at its end, fails, or is closed. */
  #over: 0 | Errno | undefined;
  #socket: net.Socket | undefined;
  #backoff: Backoff | undefined;
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

  read(into: Uint8Array, at: number, length: number): number | Errno {
    if (length === 0) return 0;
    if (this.#ahead !== NOTHING) return this.#readAhead(into, at, length);
    if (this.#over !== undefined) return this.#over;
    if (this.#waiting !== undefined) return 'AGAIN';
    const source = this.#source ?? this.#open();
    if (typeof source === 'string') {
      this.#over = source === 'BADF' ? 0 : source;
      return this.#over;
    }
    const got = this.#transfer.read(into, at, length, HERE);
    if (typeof got === 'number') this.#backoff?.reset();
    return got;
  }

  write(): Errno {
    return 'BADF';
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    if (event === 'write' || this.#ahead !== NOTHING || this.#over !== undefined) return undefined;
    if (this.#waiting !== undefined) return this.#waiting;
    const source = this.#source ?? this.#open();
    if (typeof source === 'string' || source.waiting === 'never') return undefined;
    const byte = new Uint8Array(1);
    const got = this.read(byte, 0, 1);
    if (got !== 'AGAIN') {
      if (got === 1) this.#ahead = byte[0]!;
      else if (got === 0) this.#ahead = END;
      return undefined;
    }
    this.#waiting = new Promise((resolve) => {
      this.#wake = resolve;
    });
    if (source.waiting === 'timer') {
      this.#backoff ??= new Backoff();
      this.#backoff.wait(() => this.#woken());
    } else this.#connect(source).resume();
    return this.#waiting;
  }

  close(): void {
    this.#over = 'BADF';
    this.#ahead = NOTHING;
    this.#backoff?.cancel();
    const source = this.#source;
    this.#source = undefined;
    this.#socket?.destroy();
    // Node closes what its stream reads from; a terminal's stream has a descriptor of its own.
    if (source?.own && (this.#socket === undefined || source.waiting === 'terminal')) {
      fs.closeSync(source.fd);
      HELD.bytes[source.fd] = 0;
    }
    this.#woken();
  }

  #open(): Descriptor | Errno {
    const source = openDescriptor(this.#fd, 'read', this.type);
    if (typeof source === 'string') return source;
    this.#source = source;
    this.#transfer = this.#transferOf(source.fd);
    // What could not be opened anew is made non-blocking by Node's own stream, which puts it back when the host exits.
    if (!source.own && source.waiting !== 'never' && source.waiting !== 'timer') this.#connect(source).pause();
    return source;
  }

  /** Serves what waiting took, and with it what else there is. */
  #readAhead(into: Uint8Array, at: number, length: number): number {
    const byte = this.#ahead;
    this.#ahead = NOTHING;
    if (byte === END) return 0;
    into[at] = byte;
    // A terminal gives a line at a time: reading on might take the end of input that follows this one.
    if (length === 1 || (this.#type === 'terminal' && byte === NEWLINE)) return 1;
    const more = this.read(into, at + 1, length - 1);
    return typeof more === 'number' ? 1 + more : 1;
  }

  /** Node's stream on the source: it reads one byte whenever it is resumed. */
  #connect(source: Descriptor): net.Socket {
    if (this.#socket !== undefined) return this.#socket;
    // From now on it is closed by Node.
    if (source.waiting !== 'terminal') HELD.bytes[source.fd] = 0;
    const onread = { buffer: new Uint8Array(1), callback: (_length: number, buffer: Uint8Array) => this.#take(buffer[0]!) };
    const socket =
      source.waiting === 'terminal'
        ? new (process.getBuiltinModule('node:tty').ReadStream)(this.#fd, { onread })
        : new (process.getBuiltinModule('node:net').Socket)({ fd: source.fd, readable: true, writable: false, onread });
    let failure: Errno | undefined;
    socket.on('error', (error) => {
      failure = fromException(error);
    });
    socket.on('close', () => {
      if (this.#source === undefined) return;
      this.#socket = undefined;
      // A terminal goes on after its end of input.
      if (source.waiting === 'terminal' && failure === undefined) this.#ahead = END;
      else {
        this.#over = failure ?? 0;
        if (source.waiting === 'socket') this.#source = { ...source, own: false };
      }
      this.#woken();
    });
    this.#socket = socket;
    return socket;
  }

  #take(byte: number): false {
    this.#ahead = byte;
    this.#woken();
    return false;
  }

  #woken(): void {
    this.#waiting = undefined;
    this.#wake();
  }
}
