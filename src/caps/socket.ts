// Sockets as descriptors: connections, listeners, datagrams. What the host holds for one counts against the process that
// opened it until the host has let go of it.
import type { Errno } from '../hal/errno.ts';
import type { Datagram, NetAddress, NetDatagrams, NetListener, NetStream } from '../hal/net.ts';
import type { Endpoint } from './endpoint.ts';
import { Description } from './object.ts';

/** Others that a datagram socket remembers. */
const PEERS_MAX = 1024;

/** A socket has an address of its own, and some the other end's. */
export abstract class Socket extends Description {
  readonly kind = 'socket';

  abstract get local(): NetAddress | undefined;
  get remote(): NetAddress | undefined {
    return undefined;
  }
}

export class Connection extends Socket {
  readonly #stream: NetStream;
  readonly #freed: () => void;

  constructor(stream: NetStream, freed: () => void) {
    super('socket-stream');
    this.#stream = stream;
    this.#freed = freed;
  }

  /** AGAIN while it is being made. */
  get state(): Errno | undefined {
    return this.#stream.state;
  }
  override get local(): NetAddress | undefined {
    return this.#stream.local;
  }
  override get remote(): NetAddress | undefined {
    return this.#stream.remote;
  }

  override read(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#stream.read(into, at, length);
  }
  peek(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#stream.read(into, at, length, true);
  }
  override write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#stream.write(from, at, length);
  }
  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#stream.ready(event);
  }
  override available(): number {
    return this.#stream.available;
  }
  override accept(): Errno {
    return 'INVAL';
  }
  override shutdown(reading: boolean, writing: boolean): Errno | undefined {
    return this.#stream.shutdown(reading, writing);
  }

  protected override destroy(): void {
    this.#stream.close(this.#freed);
  }
}

export class Listener extends Socket {
  readonly #listener: NetListener;
  readonly #freed: (() => void) | undefined;

  constructor(listener: NetListener, freed?: () => void) {
    super('socket-stream');
    this.#listener = listener;
    this.#freed = freed;
  }

  /** AGAIN until it listens. */
  get state(): Errno | undefined {
    return this.#listener.state;
  }
  override get local(): NetAddress | undefined {
    return this.#listener.local;
  }

  override read(): Errno {
    return 'NOTCONN';
  }
  override write(): Errno {
    return 'NOTCONN';
  }
  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#listener.ready(event);
  }
  override accept(freed: () => void): Connection | Errno {
    const stream = this.#listener.accept();
    return typeof stream === 'string' ? stream : new Connection(stream, freed);
  }
  override shutdown(): Errno {
    return 'NOTCONN';
  }

  protected override destroy(): void {
    this.#listener.close(this.#freed);
  }
}

/** Who a datagram socket has heard of: the latest, in the order that they were last seen. */
export class Peers {
  readonly #seen = new Set<string>();

  add(peer: NetAddress): void {
    const key = keyOf(peer);
    this.#seen.delete(key);
    this.#seen.add(key);
    if (this.#seen.size > PEERS_MAX) for (const oldest of this.#seen.keys()) return void this.#seen.delete(oldest);
  }

  has(peer: NetAddress): boolean {
    return this.#seen.has(keyOf(peer));
  }
}

const keyOf = ({ address, port }: NetAddress): string => `${address.bits} ${address.value} ${port}`;

export class Datagrams extends Socket {
  readonly #socket: NetDatagrams;
  readonly #freed: () => void;
  /** What it came of: where it may send to. */
  readonly endpoint: Endpoint;
  /** Whether it may send to more than those it has heard of. */
  readonly sends: boolean;
  readonly peers: Peers;

  /** Takes over a reference to `endpoint`. */
  constructor(socket: NetDatagrams, endpoint: Endpoint, sends: boolean, peers: Peers, freed: () => void) {
    super('socket-dgram');
    this.#socket = socket;
    this.endpoint = endpoint;
    this.sends = sends;
    this.peers = peers;
    this.#freed = freed;
  }

  /** AGAIN until it is bound. */
  get state(): Errno | undefined {
    return this.#socket.state;
  }
  override get local(): NetAddress | undefined {
    return this.#socket.local;
  }
  /** The datagram that is received next. */
  get next(): Datagram | undefined {
    return this.#socket.next;
  }

  receive(): Datagram | Errno {
    const datagram = this.#socket.receive();
    if (typeof datagram !== 'string') this.peers.add(datagram.from);
    return datagram;
  }
  send(to: NetAddress, bytes: Uint8Array): number | Errno {
    const sent = this.#socket.send(to, bytes);
    if (typeof sent === 'number') this.peers.add(to);
    return sent;
  }

  /** A datagram comes with an address, and goes to one. */
  override read(): Errno {
    return 'NOTSUP';
  }
  override write(): Errno {
    return 'DESTADDRREQ';
  }
  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#socket.ready(event);
  }
  override available(): number {
    return this.#socket.next?.bytes.length ?? 0;
  }
  override shutdown(): Errno {
    return 'NOTCONN';
  }

  protected override destroy(): void {
    this.#socket.close(this.#freed);
    this.endpoint.release();
  }
}
