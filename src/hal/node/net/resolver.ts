// Names: asked of the host's resolver, or of name servers that the machine was given. `localhost` is this host, whatever a
// resolver says (RFC 6761).
import type dns from 'node:dns';
import { type Address, parseAddress } from '../../address.ts';
import type { Errno } from '../../errno.ts';
import type { Resolution } from '../../net.ts';
import { resolverErrno } from './errno.ts';

/** Milliseconds until a name server is asked again, and how often. */
const TIMEOUT_MS = 2000;
const TRIES = 3;
/** Addresses of one name that are looked at. */
const ADDRESSES_MAX = 32;

export class Resolver {
  readonly #servers: readonly string[] | undefined;
  readonly #asking = new Set<dns.promises.Resolver>();

  /** `servers`: `ADDRESS` or `ADDRESS:PORT`. */
  constructor(servers: readonly string[] | undefined) {
    this.#servers = servers;
  }

  resolve(name: string): Resolution {
    if (name === 'localhost' || name.endsWith('.localhost')) return { answer: loopback(), done: Promise.resolve() };
    const question: { answer: readonly Address[] | Errno | undefined; done: Promise<void> } = {
      answer: undefined,
      done: Promise.resolve(),
    };
    const asked = this.#servers === undefined ? lookup(name) : this.#ask(name, this.#servers);
    question.done = asked.then(
      (found) => {
        const addresses = found.map(parseAddress).filter((address) => address !== undefined);
        question.answer = addresses.length === 0 ? 'NOENT' : addresses.slice(0, ADDRESSES_MAX);
      },
      (error) => {
        question.answer = resolverErrno(error);
      },
    );
    return question;
  }

  close(): void {
    for (const resolver of this.#asking) resolver.cancel();
  }

  async #ask(name: string, servers: readonly string[]): Promise<readonly string[]> {
    const { promises } = process.getBuiltinModule('node:dns');
    const resolver = new promises.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    resolver.setServers(servers);
    this.#asking.add(resolver);
    try {
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const [first] = answers;
      if (found.length === 0 && first.status === 'rejected') throw first.reason;
      return found;
    } finally {
      this.#asking.delete(resolver);
    }
  }
}

const lookup = async (name: string): Promise<readonly string[]> => {
  const { promises } = process.getBuiltinModule('node:dns');
  return (await promises.lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);
};

const loopback = (): readonly Address[] => [parseAddress('127.0.0.1')!, parseAddress('::1')!];
