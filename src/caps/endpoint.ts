// The network as an object: what may be connected to, listened on, sent to, bound and looked up through it. Whatever is asked
// for comes down to addresses, and each address is checked before it is used; a name alone never is.
import { type Address, scopeOf } from '../hal/address.ts';
import type { Net } from '../hal/net.ts';
import { CapObject } from './object.ts';
import { type HostPattern, isLocalhost, matchesAddress, matchesName, matchesPort, type PortPattern } from './pattern.ts';
import { RIGHT, streamRights } from './rights.ts';

/** TCP to others, TCP at this host; datagrams to others, datagrams at this host; names. Bits of a capability's rights. */
export const NET_RIGHT = { connect: 1, listen: 2, udp: 4, bind: 8, resolve: 16, transfer: RIGHT.transfer } as const;
export type NetUse = Exclude<keyof typeof NET_RIGHT, 'transfer'>;

export interface NetRule {
  readonly use: NetUse;
  readonly host: HostPattern;
  /** Without meaning where names are looked up. */
  readonly ports: PortPattern;
}

/** What a connection can have at most, and what a listener. */
export const SOCKET_RIGHTS = streamRights(false) | RIGHT.shutdown | RIGHT.transfer;
export const LISTENER_RIGHTS = RIGHT.accept | RIGHT.read | RIGHT.poll | RIGHT.setFlags | RIGHT.stat | RIGHT.transfer;
/** What sockets that come of an endpoint inherit. */
export const ENDPOINT_INHERITING = SOCKET_RIGHTS | LISTENER_RIGHTS;

export class Endpoint extends CapObject {
  readonly kind = 'endpoint';
  readonly net: Net;
  readonly rules: readonly NetRule[];

  constructor(net: Net, rules: readonly NetRule[]) {
    super();
    this.net = net;
    this.rules = rules;
  }

  override get vocabulary(): typeof NET_RIGHT {
    return NET_RIGHT;
  }

  /** Whether a name may be asked for, in order to connect or send to this port of it. */
  allowsName(use: 'connect' | 'udp', name: string, port: number): boolean {
    return this.rules.some((rule) => rule.use === use && matchesPort(rule.ports, port) && matchesName(rule.host, name));
  }

  /** Whether the addresses of a name may be known to a holder of these rights: by whoever may reach it, too. */
  allowsLookup(name: string, rights: number): boolean {
    return this.rules.some(
      ({ use, host }) => use !== 'listen' && use !== 'bind' && (rights & NET_RIGHT[use]) !== 0 && matchesName(host, name),
    );
  }

  /**
   * Whether an address of others may be used. `name`: what it was asked for by, if it was, which the resolver answered with
   * this very address. A name, and `*`, stand for global addresses alone: one that is private, of this host, of this link or of
   * many at once is for who names it, or a network that it lies in; `localhost` names this host's. The unspecified address is
   * nobody's: some hosts take it for their own.
   */
  allowsAddress(use: 'connect' | 'udp', address: Address, port: number, name?: string): boolean {
    const scope = scopeOf(address);
    if (scope === 'unspecified') return false;
    return this.rules.some(({ use: one, host, ports }) => {
      if (one !== use || !matchesPort(ports, port)) return false;
      if (host.kind === 'net') return matchesAddress(host, address);
      if (host.kind === 'any') return scope === 'global';
      if (name === undefined || !matchesName(host, name)) return false;
      return scope === 'global' || (scope === 'loopback' && isLocalhost(name));
    });
  }

  /** Whether an address and port of this host may be taken. */
  allowsLocal(use: 'listen' | 'bind', address: Address, port: number): boolean {
    return this.rules.some(
      ({ use: one, host, ports }) => one === use && matchesPort(ports, port) && matchesAddress(host, address),
    );
  }
}
