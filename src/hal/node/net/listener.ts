// A TCP listener of node:net. Node takes each connection as it comes: those that a guest has not taken yet are held without
// being read, up to the backlog, and what comes beyond is reset.
import type net from 'node:net';
import { formatAddress } from '../../address.ts';
import type { Errno } from '../../errno.ts';
import { Event } from '../../event.ts';
import { BACKLOG_MAX, type NetAddress, type NetListener } from '../../net.ts';
import { socketErrno } from './errno.ts';
import { addressOf, type TcpStream } from './stream.ts';

export class TcpListener implements NetListener {
  readonly #server: net.Server;
  readonly #gone: (listener: TcpListener) => void;
  #state: Errno | undefined = 'AGAIN';
  #local: NetAddress | undefined;
  #waiting: TcpStream[] = [];
  #closed = false;
  readonly #came = new Event();

  constructor(
    module: typeof net,
    at: NetAddress,
    backlog: number,
    adopt: (socket: net.Socket) => TcpStream,
    gone: (listener: TcpListener) => void,
  ) {
    this.#gone = gone;
    this.#server = module.createServer({ pauseOnConnect: true, allowHalfOpen: true });
    this.#server.on('connection', (socket) => {
      const stream = adopt(socket);
      if (this.#closed || this.#waiting.length >= backlog) stream.refuse();
      else {
        this.#waiting.push(stream);
        this.#came.fire();
      }
    });
    this.#server.on('listening', () => this.#listens());
    this.#server.on('error', (error) => {
      this.#state = socketErrno(error);
      this.#came.fire();
    });
    this.#open(module, at);
  }

  get state(): Errno | undefined {
    return this.#state;
  }
  get local(): NetAddress | undefined {
    return this.#local;
  }

  accept(): TcpStream | Errno {
    if (this.#closed) return 'BADF';
    if (this.#state !== undefined) return this.#state;
    return this.#waiting.shift()?.begin() ?? 'AGAIN';
  }

  ready(_event: 'read' | 'write'): Promise<void> | undefined {
    if (this.#closed || (this.#state !== undefined && this.#state !== 'AGAIN') || this.#waiting.length > 0) return undefined;
    return this.#came.wait();
  }

  close(closed?: () => void): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#server.close();
      for (const stream of this.#waiting.splice(0)) stream.refuse();
      this.#came.fire();
      this.#gone(this);
    }
    closed?.();
  }

  /** An address of IPv6 takes no connections of IPv4, which would come from addresses that nobody named. */
  #open(module: typeof net, { address, port }: NetAddress): void {
    const options = { host: formatAddress(address), port, ipv6Only: address.bits === 128 };
    if (module.BoundSocket === undefined) {
      this.#server.listen({ ...options, backlog: BACKLOG_MAX, exclusive: true });
      return;
    }
    // Bound at once, so that whoever asked for it is told at once where it cannot be.
    try {
      this.#server.listen(new module.BoundSocket(options), BACKLOG_MAX);
    } catch (error) {
      this.#state = socketErrno(error);
      return;
    }
    if (this.#server.listening) this.#listens();
    // The address is one of this host and the port may be had: nothing else is left. The event says so a moment later.
    else this.#state = 'ADDRINUSE';
  }

  #listens(): void {
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#local = addressOf(address.address, address.port);
    this.#state = undefined;
    this.#came.fire();
  }
}
