// A TCP connection of node:net, never waited for. Node goes on reading until as much is kept as may be, and what is written is
// copied and handed over until as much waits to be sent.
import type net from 'node:net';
import { parseAddress } from '../../address.ts';
import type { Errno } from '../../errno.ts';
import { Event } from '../../event.ts';
import type { NetAddress, NetStream } from '../../net.ts';
import { socketErrno } from './errno.ts';

/** Bytes kept of what came, and of what is to be sent: beyond, reading pauses and writing gives AGAIN. */
const BUFFER_BYTES = 65_536;
/** Milliseconds that what was written before a close may take to be sent. */
const LINGER_MS = 5000;

export class TcpStream implements NetStream {
  readonly #socket: net.Socket;
  /** Told once the host holds nothing of it. */
  readonly #gone: (stream: TcpStream) => void;
  #state: Errno | undefined;
  #local: NetAddress | undefined;
  #remote: NetAddress | undefined;
  #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that were read, and of all that were not. */
  #offset = 0;
  #held = 0;
  /** Bytes that wait to be sent. */
  #pending = 0;
  /** Told once, to whoever reads or writes next (POSIX SO_ERROR). */
  #failure: Errno | undefined;
  /** The other end sends no more; nothing is read here any more; nothing is written here any more. */
  #ended = false;
  #deaf = false;
  #mute = false;
  #closed = false;
  #destroyed = false;
  /** Until it must be there, or be gone. */
  #timer: NodeJS.Timeout | undefined;
  #whenGone: (() => void)[] = [];
  readonly #readable = new Event();
  readonly #writable = new Event();

  constructor(socket: net.Socket, gone: (stream: TcpStream) => void) {
    this.#socket = socket;
    this.#gone = gone;
    this.#state = socket.connecting ? 'AGAIN' : undefined;
    if (!socket.connecting) this.#connected();
    socket.on('connect', () => {
      clearTimeout(this.#timer);
      this.#state = undefined;
      this.#connected();
      this.#writable.fire();
    });
    socket.on('data', (chunk: Uint8Array) => this.#came(chunk));
    socket.on('end', () => {
      this.#ended = true;
      this.#readable.fire();
    });
    socket.on('error', (error) => {
      if (this.#state === 'AGAIN') this.#state = socketErrno(error);
      else this.#failure = socketErrno(error);
    });
    socket.on('close', () => this.#over());
  }

  get state(): Errno | undefined {
    return this.#state;
  }
  get local(): NetAddress | undefined {
    return this.#local;
  }
  get remote(): NetAddress | undefined {
    return this.#remote;
  }
  get available(): number {
    return this.#held;
  }

  /** One that is not there in time will not be. */
  hurry(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#state = 'TIMEDOUT';
      this.#socket.destroy();
    }, milliseconds).unref();
  }

  /** A connection that a listener held back begins to be read. */
  begin(): this {
    this.#socket.resume();
    return this;
  }

  read(into: Uint8Array, at: number, length: number, peek = false): number | Errno {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined) return this.#state === 'AGAIN' ? 'AGAIN' : 'NOTCONN';
    const failure = this.#take();
    if (failure !== undefined) return failure;
    if (length === 0 || this.#deaf) return 0;
    if (this.#held === 0) return this.#ended || this.#destroyed ? 0 : 'AGAIN';
    let [done, index, offset] = [0, 0, this.#offset];
    for (; done < length && index < this.#chunks.length; ) {
      const chunk = this.#chunks[index]!;
      const part = chunk.subarray(offset, offset + length - done);
      into.set(part, at + done);
      done += part.length;
      offset += part.length;
      if (offset === chunk.length) [index, offset] = [index + 1, 0];
    }
    if (peek) return done;
    this.#chunks.splice(0, index);
    this.#offset = offset;
    this.#held -= done;
    if (this.#held < BUFFER_BYTES && this.#socket.isPaused()) this.#socket.resume();
    return done;
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined) return this.#state === 'AGAIN' ? 'AGAIN' : 'NOTCONN';
    const failure = this.#take();
    if (failure !== undefined) return failure;
    if (this.#mute || this.#destroyed) return 'PIPE';
    if (length === 0) return 0;
    const count = Math.min(length, BUFFER_BYTES - this.#pending);
    if (count <= 0) return 'AGAIN';
    this.#pending += count;
    this.#socket.write(from.slice(at, at + count), () => {
      this.#pending -= count;
      this.#writable.fire();
    });
    return count;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    if (this.#closed || this.#destroyed || this.#failure !== undefined) return undefined;
    if (this.#state !== undefined) return this.#state === 'AGAIN' ? this.#writable.wait() : undefined;
    if (event === 'read') return this.#held > 0 || this.#ended || this.#deaf ? undefined : this.#readable.wait();
    return this.#mute || this.#pending < BUFFER_BYTES ? undefined : this.#writable.wait();
  }

  shutdown(reading: boolean, writing: boolean): Errno | undefined {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined || this.#destroyed) return 'NOTCONN';
    if (reading) {
      // What comes from now on is not read: the other end finds its window full.
      this.#deaf = true;
      this.#drop();
      this.#socket.pause();
      this.#readable.fire();
    }
    if (writing && !this.#mute) {
      this.#mute = true;
      this.#socket.end();
      this.#writable.fire();
    }
    return undefined;
  }

  close(closed?: () => void): void {
    if (closed !== undefined) {
      if (this.#destroyed) closed();
      else this.#whenGone.push(closed);
    }
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    this.#readable.fire();
    this.#writable.fire();
    if (this.#destroyed) return;
    if (this.#socket.connecting || this.#failure !== undefined) this.#socket.destroy();
    else {
      this.#socket.pause();
      this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
      this.#socket.destroySoon();
    }
  }

  /** Ends it at once: what is not sent yet is dropped. */
  destroy(): void {
    this.close();
    this.#socket.destroy();
  }

  /** There is no room for it: the other end finds the connection reset. */
  refuse(): void {
    this.#closed = true;
    this.#socket.resetAndDestroy();
  }

  #connected(): void {
    this.#local = addressOf(this.#socket.localAddress, this.#socket.localPort);
    this.#remote = addressOf(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  #came(chunk: Uint8Array): void {
    if (this.#closed || this.#deaf) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held >= BUFFER_BYTES) this.#socket.pause();
    this.#readable.fire();
  }

  #drop(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#held = 0;
  }

  #take(): Errno | undefined {
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      this.#drop();
    }
    return failure;
  }

  #over(): void {
    this.#destroyed = true;
    if (this.#state === 'AGAIN') this.#state = 'CONNABORTED';
    clearTimeout(this.#timer);
    this.#readable.fire();
    this.#writable.fire();
    this.#gone(this);
    for (const tell of this.#whenGone.splice(0)) tell();
  }
}

/** A zone says through which interface a link-local address is reached; it is not part of the address. */
export function addressOf(host: string | undefined, port: number | undefined): NetAddress | undefined {
  const address = host === undefined ? undefined : parseAddress(host.replace(/%.*$/, ''));
  return address === undefined || port === undefined ? undefined : { address, port };
}
