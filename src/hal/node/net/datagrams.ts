// A UDP socket of node:dgram. What comes is kept up to a bound and dropped beyond it, as datagrams may be.
import type dgram from 'node:dgram';
import { formatAddress, parseAddress } from '../../address.ts';
import type { Errno } from '../../errno.ts';
import { Event } from '../../event.ts';
import type { Datagram, NetAddress, NetDatagrams } from '../../net.ts';
import { socketErrno } from './errno.ts';
import { addressOf } from './stream.ts';

/** What UDP over IPv4 carries at most. */
const DATAGRAM_BYTES_MAX = 65_507;
/** Bytes kept of what came and of what is to be sent, each datagram counting for so many more. */
const BUFFER_BYTES = 131_072;
const OVERHEAD_BYTES = 256;

export class UdpSocket implements NetDatagrams {
  readonly #socket: dgram.Socket;
  readonly #bits: 32 | 128;
  readonly #gone: (socket: UdpSocket) => void;
  #state: Errno | undefined = 'AGAIN';
  #local: NetAddress | undefined;
  #waiting: Datagram[] = [];
  #held = 0;
  #pending = 0;
  #closed = false;
  readonly #readable = new Event();
  readonly #writable = new Event();

  constructor(module: typeof dgram, at: NetAddress, accepts: (from: NetAddress) => boolean, gone: (socket: UdpSocket) => void) {
    this.#gone = gone;
    this.#bits = at.address.bits;
    this.#socket = module.createSocket({ type: this.#bits === 32 ? 'udp4' : 'udp6', ipv6Only: this.#bits === 128, lookup });
    this.#socket.on('message', (bytes, { address, port }) => {
      const from = addressOf(address, port);
      if (from === undefined || !accepts(from) || this.#held + bytes.length + OVERHEAD_BYTES > BUFFER_BYTES) return;
      this.#held += bytes.length + OVERHEAD_BYTES;
      this.#waiting.push({ from, bytes });
      this.#readable.fire();
    });
    this.#socket.on('listening', () => {
      const { address, port } = this.#socket.address();
      this.#local = addressOf(address, port);
      this.#state = undefined;
      this.#writable.fire();
    });
    this.#socket.on('error', (error) => {
      if (this.#state === 'AGAIN') this.#state = socketErrno(error);
      this.#writable.fire();
    });
    this.#socket.bind({ address: formatAddress(at.address), port: at.port, exclusive: true });
  }

  get state(): Errno | undefined {
    return this.#state;
  }
  get local(): NetAddress | undefined {
    return this.#local;
  }
  get next(): Datagram | undefined {
    return this.#waiting[0];
  }

  receive(): Datagram | Errno {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined) return this.#state;
    const datagram = this.#waiting.shift();
    if (datagram === undefined) return 'AGAIN';
    this.#held -= datagram.bytes.length + OVERHEAD_BYTES;
    return datagram;
  }

  send({ address, port }: NetAddress, from: Uint8Array): number | Errno {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined) return this.#state;
    if (address.bits !== this.#bits) return 'AFNOSUPPORT';
    if (from.length > DATAGRAM_BYTES_MAX) return 'MSGSIZE';
    const weight = from.length + OVERHEAD_BYTES;
    if (this.#pending + weight > BUFFER_BYTES) return 'AGAIN';
    this.#pending += weight;
    // Where it cannot be sent it is lost, as any datagram may be.
    this.#socket.send(from.slice(), port, formatAddress(address), () => {
      this.#pending -= weight;
      this.#writable.fire();
    });
    return from.length;
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    if (this.#closed || (this.#state !== undefined && this.#state !== 'AGAIN')) return undefined;
    if (this.#state === 'AGAIN') return this.#writable.wait();
    if (event === 'read') return this.#waiting.length > 0 ? undefined : this.#readable.wait();
    return this.#pending + DATAGRAM_BYTES_MAX + OVERHEAD_BYTES <= BUFFER_BYTES ? undefined : this.#writable.wait();
  }

  close(closed?: () => void): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#waiting = [];
      this.#socket.close();
      this.#readable.fire();
      this.#writable.fire();
      this.#gone(this);
    }
    closed?.();
  }
}

/** node:dgram asks this about every address, at once: only addresses get here, and no name is ever looked up. */
const lookup: NonNullable<dgram.SocketOptions['lookup']> = (host, _options, callback) => {
  const address = parseAddress(host);
  callback(address === undefined ? new Error(`${host} is no address`) : null, host, address?.bits === 128 ? 6 : 4);
};
