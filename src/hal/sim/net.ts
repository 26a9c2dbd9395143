// A simulated network: one of its own, on which every address is this host's. What is sent takes time, and fails, as a seed
// decides; names have the answers that a test gives them, one after the other.
import { type Address, formatAddress, parseAddress } from '../address.ts';
import type { Errno } from '../errno.ts';
import { Event } from '../event.ts';
import type { Net, NetAddress, NetDatagrams, NetListener, NetStream, Resolution } from '../net.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';
import { SimConnection, SimDatagrams } from './socket.ts';
import type { Timeline } from './timeline.ts';

/** How long it takes from one end to the other. */
const DELAY_NS = 50_000;
const EPHEMERAL_PORT = 49_152;
const LOOPBACK: Address = { bits: 32, value: 0x7f00_0001n };

export const key = ({ address, port }: NetAddress): string => `${formatAddress(address)} ${port}`;

export class SimNet implements Net {
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly random: Random;
  readonly listeners = new Map<string, SimListener>();
  readonly sockets = new Map<string, SimDatagrams>();
  /** Addresses from which nothing is ever heard. */
  readonly silent = new Set<string>();
  /** Everything open. */
  readonly open = new Set<NetStream | NetListener | NetDatagrams>();
  readonly #names = new Map<string, (readonly Address[])[]>();
  #port = EPHEMERAL_PORT;

  constructor(timeline: Timeline, faults: Faults, random: Random) {
    this.timeline = timeline;
    this.faults = faults;
    this.random = random;
  }

  /** From now on the name has these answers, each of which is given once, and the last for ever. */
  answer(name: string, ...answers: readonly (readonly string[])[]): void {
    this.#names.set(
      name,
      answers.map((answer) => answer.map((text) => parseAddress(text)!)),
    );
  }

  connect(to: NetAddress, patienceMs?: number): NetStream {
    const stream = new SimConnection(this, { address: LOOPBACK, port: this.port() }, to);
    if (this.silent.has(formatAddress(to.address))) {
      if (patienceMs !== undefined) this.timeline.add(patienceMs * 1e6, () => stream.fail('TIMEDOUT'));
      return stream;
    }
    this.later(() => {
      const listener = this.listeners.get(key(to));
      if (listener === undefined || this.random.chance(this.faults.refused)) stream.fail('CONNREFUSED');
      else listener.offer(stream);
    });
    return stream;
  }

  listen({ address, port }: NetAddress, backlog: number): NetListener | Errno {
    const at = { address, port: port === 0 ? this.port() : port };
    if (this.listeners.has(key(at))) return 'ADDRINUSE';
    return new SimListener(this, at, backlog);
  }

  bind({ address, port }: NetAddress, accepts: (from: NetAddress) => boolean): NetDatagrams | Errno {
    const at = { address, port: port === 0 ? this.port() : port };
    if (this.sockets.has(key(at))) return 'ADDRINUSE';
    return new SimDatagrams(this, at, accepts);
  }

  resolve(name: string): Resolution {
    const resolution: { answer: readonly Address[] | Errno | undefined; done: Promise<void> } = {
      answer: undefined,
      done: Promise.resolve(),
    };
    resolution.done = new Promise((resolve) => {
      this.later(() => {
        const answers = this.#names.get(name);
        const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
        resolution.answer = answer === undefined || answer.length === 0 ? 'NOENT' : answer;
        resolve();
      });
    });
    return resolution;
  }

  async close(): Promise<void> {
    for (const one of [...this.open]) one.close();
  }

  later(task: () => void): void {
    this.timeline.add(DELAY_NS, task);
  }

  port(): number {
    return this.#port++;
  }
}

class SimListener implements NetListener {
  readonly state = undefined;
  readonly local: NetAddress;
  readonly #net: SimNet;
  readonly #backlog: number;
  #waiting: SimConnection[] = [];
  #closed = false;
  readonly #came = new Event();

  constructor(net: SimNet, local: NetAddress, backlog: number) {
    this.#net = net;
    this.local = local;
    this.#backlog = backlog;
    net.listeners.set(key(local), this);
    net.open.add(this);
  }

  offer(client: SimConnection): void {
    if (this.#closed || this.#waiting.length >= this.#backlog) {
      client.fail('CONNRESET');
      return;
    }
    const server = new SimConnection(this.#net, this.local, client.local);
    client.join(server);
    this.#waiting.push(server);
    this.#came.fire();
  }

  accept(): NetStream | Errno {
    if (this.#closed) return 'BADF';
    if (this.#waiting.length > 0 && this.#net.random.chance(this.#net.faults.again)) return 'AGAIN';
    return this.#waiting.shift() ?? 'AGAIN';
  }

  ready(): Promise<void> | undefined {
    return this.#closed || this.#waiting.length > 0 ? undefined : this.#came.wait();
  }

  close(closed?: () => void): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#net.listeners.delete(key(this.local));
      this.#net.open.delete(this);
      for (const one of this.#waiting.splice(0)) one.close();
      this.#came.fire();
    }
    closed?.();
  }
}
