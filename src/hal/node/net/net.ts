// The host's network, through Node. Nothing of Node's is loaded before it is first used.
import type node from 'node:net';
import { formatAddress } from '../../address.ts';
import type { Net, NetAddress, NetDatagrams, NetListener, NetStream, Resolution } from '../../net.ts';
import { UdpSocket } from './datagrams.ts';
import { TcpListener } from './listener.ts';
import { Resolver } from './resolver.ts';
import { TcpStream } from './stream.ts';

export interface NodeNetOptions {
  /** Name servers to ask instead of the host's resolver: `ADDRESS` or `ADDRESS:PORT`. */
  readonly servers?: readonly string[] | undefined;
}

/** Milliseconds that what was written may take to be sent where the machine is shut down by force. */
const GRACE_MS = 250;

export function nodeNet({ servers }: NodeNetOptions = {}): Net {
  return new NodeNet(servers);
}

class NodeNet implements Net {
  readonly #resolver: Resolver;
  readonly #streams = new Set<TcpStream>();
  readonly #others = new Set<TcpListener | UdpSocket>();
  #drained: (() => void) | undefined;

  constructor(servers: readonly string[] | undefined) {
    this.#resolver = new Resolver(servers);
  }

  connect({ address, port }: NetAddress, patienceMs?: number): NetStream {
    // A numeric host is never looked up.
    const socket = process.getBuiltinModule('node:net').connect({ host: formatAddress(address), port, allowHalfOpen: true });
    const stream = this.#adopt(socket);
    if (patienceMs !== undefined) stream.hurry(patienceMs);
    return stream;
  }

  listen(at: NetAddress, backlog: number): NetListener {
    const module = process.getBuiltinModule('node:net');
    const listener = new TcpListener(module, at, backlog, (socket) => this.#adopt(socket), this.#closed);
    this.#others.add(listener);
    return listener;
  }

  bind(at: NetAddress, accepts: (from: NetAddress) => boolean): NetDatagrams {
    const socket = new UdpSocket(process.getBuiltinModule('node:dgram'), at, accepts, this.#closed);
    this.#others.add(socket);
    return socket;
  }

  resolve(name: string): Resolution {
    return this.#resolver.resolve(name);
  }

  async close(forced: boolean): Promise<void> {
    this.#resolver.close();
    for (const one of [...this.#others, ...this.#streams]) one.close();
    if (this.#streams.size === 0) return;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    const timer = forced ? setTimeout(() => this.#destroy(), GRACE_MS) : undefined;
    await drained;
    clearTimeout(timer);
  }

  #destroy(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #adopt(socket: node.Socket): TcpStream {
    const stream = new TcpStream(socket, (gone) => {
      this.#streams.delete(gone);
      if (this.#streams.size === 0) this.#drained?.();
    });
    this.#streams.add(stream);
    return stream;
  }

  readonly #closed = (one: TcpListener | UdpSocket): void => {
    this.#others.delete(one);
  };
}
