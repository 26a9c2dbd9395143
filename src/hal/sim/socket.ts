// Ends of connections, and datagrams, of a simulated network.

import type { Errno } from '../errno.ts';
import { Event } from '../event.ts';
import type { Datagram, NetAddress, NetDatagrams, NetStream } from '../net.ts';
import { key, type SimNet } from './net.ts';

/** Bytes on their way to one end, and there. */
const BUFFER_BYTES = 65_536;
const DATAGRAM_BYTES_MAX = 65_507;
const DATAGRAMS_MAX = 64;

export class SimConnection implements NetStream {
  readonly local: NetAddress;
  readonly remote: NetAddress;
  readonly #net: SimNet;
  state: Errno | undefined = 'AGAIN';
  #peer: SimConnection | undefined;
  #held: number[] = [];
  /** Sent by the other end, and not here yet: bytes in order, and undefined for the end. */
  #coming: (Uint8Array | undefined)[] = [];
  #comingBytes = 0;
  #failure: Errno | undefined;
  #ended = false;
  #deaf = false;
  #mute = false;
  #closed = false;
  readonly #readable = new Event();
  readonly #writable = new Event();

  constructor(net: SimNet, local: NetAddress, remote: NetAddress) {
    this.#net = net;
    this.local = local;
    this.remote = remote;
    net.open.add(this);
  }

  get available(): number {
    return this.#held.length;
  }

  join(other: SimConnection): void {
    this.#peer = other;
    other.#peer = this;
    for (const one of [this, other]) {
      one.state = undefined;
      one.#changed();
    }
  }

  fail(errno: Errno): void {
    if (this.state === 'AGAIN') this.state = errno;
    else this.#failure = errno;
    this.#changed();
  }

  read(into: Uint8Array, at: number, length: number, peek = false): number | Errno {
    const refused = this.#check();
    if (refused !== undefined) return refused;
    if (length === 0 || this.#deaf) return 0;
    if (this.#held.length === 0) return this.#ended ? 0 : 'AGAIN';
    if (this.#net.random.chance(this.#net.faults.again)) return 'AGAIN';
    const count = Math.min(this.#some(length), this.#held.length);
    into.set(this.#held.slice(0, count), at);
    if (peek) return count;
    this.#held.splice(0, count);
    if (this.#peer !== undefined) this.#peer.#writable.fire();
    return count;
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    const refused = this.#check();
    if (refused !== undefined) return refused;
    const peer = this.#peer;
    if (this.#mute || peer === undefined || peer.#closed) return 'PIPE';
    if (this.#net.random.chance(this.#net.faults.reset)) {
      this.#reset();
      return 'CONNRESET';
    }
    const room = BUFFER_BYTES - peer.#held.length - peer.#comingBytes;
    if (length === 0) return 0;
    if (room <= 0 || this.#net.random.chance(this.#net.faults.again)) return 'AGAIN';
    const bytes = from.slice(at, at + Math.min(room, this.#some(length)));
    peer.#expect(bytes);
    return bytes.length;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    if (this.#closed || this.#failure !== undefined) return undefined;
    if (this.state !== undefined) return this.state === 'AGAIN' ? this.#writable.wait() : undefined;
    if (event === 'read') return this.#held.length > 0 || this.#ended || this.#deaf ? undefined : this.#readable.wait();
    const peer = this.#peer;
    const full = !this.#mute && peer !== undefined && !peer.#closed && peer.#held.length + peer.#comingBytes >= BUFFER_BYTES;
    return full ? this.#writable.wait() : undefined;
  }

  shutdown(reading: boolean, writing: boolean): Errno | undefined {
    if (this.state !== undefined) return 'NOTCONN';
    if (reading) this.#deaf = true;
    if (writing) this.#end();
    this.#changed();
    return undefined;
  }

  close(closed?: () => void): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#net.open.delete(this);
      this.#end();
      this.#changed();
    }
    closed?.();
  }

  #end(): void {
    if (this.#mute) return;
    this.#mute = true;
    if (this.#peer !== undefined) this.#peer.#expect(undefined);
  }

  /** What the other end sent comes later, in order. */
  #expect(bytes: Uint8Array | undefined): void {
    this.#coming.push(bytes);
    this.#comingBytes += bytes?.length ?? 0;
    this.#net.later(() => {
      const next = this.#coming.shift();
      this.#comingBytes -= next?.length ?? 0;
      if (next === undefined) this.#ended = true;
      else if (!this.#closed && !this.#deaf) this.#held.push(...next);
      this.#changed();
    });
  }

  #reset(): void {
    for (const one of [this, this.#peer]) {
      if (one === undefined) continue;
      one.#mute = true;
      one.#ended = true;
      one.#held = [];
    }
    this.#peer?.fail('CONNRESET');
  }

  #check(): Errno | undefined {
    if (this.#closed) return 'BADF';
    if (this.state !== undefined) return this.state === 'AGAIN' ? 'AGAIN' : 'NOTCONN';
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  #some(length: number): number {
    const { random, faults } = this.#net;
    return length > 1 && random.chance(faults.short) ? 1 + random.below(length - 1) : length;
  }

  #changed(): void {
    this.#readable.fire();
    this.#writable.fire();
  }
}

export class SimDatagrams implements NetDatagrams {
  readonly state = undefined;
  readonly local: NetAddress;
  readonly #net: SimNet;
  readonly #accepts: (from: NetAddress) => boolean;
  #waiting: Datagram[] = [];
  #closed = false;
  readonly #came = new Event();

  constructor(net: SimNet, local: NetAddress, accepts: (from: NetAddress) => boolean) {
    this.#net = net;
    this.local = local;
    this.#accepts = accepts;
    net.sockets.set(key(local), this);
    net.open.add(this);
  }

  get next(): Datagram | undefined {
    return this.#waiting[0];
  }

  receive(): Datagram | Errno {
    return this.#closed ? 'BADF' : (this.#waiting.shift() ?? 'AGAIN');
  }

  send(to: NetAddress, from: Uint8Array): number | Errno {
    if (this.#closed) return 'BADF';
    if (from.length > DATAGRAM_BYTES_MAX) return 'MSGSIZE';
    if (to.address.bits !== this.local.address.bits) return 'AFNOSUPPORT';
    const bytes = from.slice();
    // One that is lost is a datagram of which nobody hears.
    if (this.#net.random.chance(this.#net.faults.lost)) return bytes.length;
    this.#net.later(() => this.#net.sockets.get(key(to))?.take({ from: this.local, bytes }));
    return bytes.length;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#closed || event === 'write' || this.#waiting.length > 0 ? undefined : this.#came.wait();
  }

  close(closed?: () => void): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#net.sockets.delete(key(this.local));
      this.#net.open.delete(this);
      this.#waiting = [];
      this.#came.fire();
    }
    closed?.();
  }

  take(datagram: Datagram): void {
    if (!this.#accepts(datagram.from) || this.#waiting.length >= DATAGRAMS_MAX) return;
    this.#waiting.push(datagram);
    this.#came.fire();
  }
}
