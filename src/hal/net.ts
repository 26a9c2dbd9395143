// The network: byte streams, datagrams and names. Nothing here waits: AGAIN, and `ready` tells when to try again. Nothing of a
// guest's memory is held: what is written is copied, what came is kept until it is read, and both are bounded. An address is
// what a socket is given, never a name: whoever checked an address knows that it is the one used.
import type { Address } from './address.ts';
import type { Errno } from './errno.ts';

/** An address and a port, 0 to 65,535. */
export interface NetAddress {
  readonly address: Address;
  readonly port: number;
}

/** What a socket makes the host hold at most, in bytes: what came and was not read, what was written and not sent, and itself. */
export const SOCKET_BYTES = 256 * 1024;
/** Connections that a listener holds until they are taken, at most. */
export const BACKLOG_MAX = 128;

interface Socket {
  /** Resolves when trying again makes sense; undefined when it does now. Never rejects. */
  ready(event: 'read' | 'write'): Promise<void> | undefined;
  /** Its own end; undefined while it has none. */
  readonly local: NetAddress | undefined;
  /**
   * Gives it up: what was written is still sent, for a bounded time. `closed` is called once the host holds nothing of it any
   * more. Idempotent.
   */
  close(closed?: () => void): void;
}

/** A connection. */
export interface NetStream extends Socket {
  readonly remote: NetAddress | undefined;
  /** AGAIN while it is being made (`ready('write')` tells when that is over); why it could not be; undefined once it is there. */
  readonly state: Errno | undefined;
  /** Bytes read, 0 at the end, AGAIN. `peek` leaves them. */
  read(into: Uint8Array, at: number, length: number, peek?: boolean): number | Errno;
  /** Bytes taken; PIPE once it is shut or the other end gone. */
  write(from: Uint8Array, at: number, length: number): number | Errno;
  /** Bytes that a read would give at once. */
  readonly available: number;
  shutdown(reading: boolean, writing: boolean): Errno | undefined;
}

export interface NetListener extends Socket {
  /** AGAIN until it listens (`ready('write')`); why it cannot; undefined once it does. */
  readonly state: Errno | undefined;
  /** The connection that has waited longest, or AGAIN (`ready('read')`). */
  accept(): NetStream | Errno;
}

/** A datagram that came. */
export interface Datagram {
  readonly from: NetAddress;
  readonly bytes: Uint8Array;
}

export interface NetDatagrams extends Socket {
  /** AGAIN until it is bound (`ready('write')`); why it cannot; undefined once it is. */
  readonly state: Errno | undefined;
  /** The oldest datagram that came, or AGAIN. */
  receive(): Datagram | Errno;
  /** That datagram, left where it is; undefined while there is none. */
  readonly next: Datagram | undefined;
  /** Takes a copy: bytes sent, AGAIN, MSGSIZE. */
  send(to: NetAddress, from: Uint8Array): number | Errno;
}

/** A question to the resolver. */
export interface Resolution {
  /** Undefined until it is answered. */
  readonly answer: readonly Address[] | Errno | undefined;
  /** Never rejects. */
  readonly done: Promise<void>;
}

export interface Net {
  /** `patienceMs`: after so long it is TIMEDOUT; by default when the host gives it up. */
  connect(to: NetAddress, patienceMs?: number): NetStream | Errno;
  listen(at: NetAddress, backlog: number): NetListener | Errno;
  /** Datagrams that come to `at`; `accepts` chooses those that are kept. */
  bind(at: NetAddress, accepts: (from: NetAddress) => boolean): NetDatagrams | Errno;
  /** Asks once; each call asks anew. NOENT: there is no such name, or it has no address. */
  resolve(name: string): Resolution;
  /** Ends all that is left, and resolves once the host holds nothing. `forced`: what is not sent yet is dropped. */
  close(forced: boolean): Promise<void>;
}
