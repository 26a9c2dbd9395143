// What a grant of the network becomes: an endpoint, and where it names one address and port to listen on, the listener itself,
// which is a descriptor of the process from its start.
import { Capability } from '../caps/capability.ts';
import { ENDPOINT_INHERITING, Endpoint, LISTENER_RIGHTS, NET_RIGHT, type NetRule, SOCKET_RIGHTS } from '../caps/endpoint.ts';
import { PORT_MAX, parseHost, parsePorts } from '../caps/pattern.ts';
import { Listener } from '../caps/socket.ts';
import { BACKLOG_MAX, type Net } from '../hal/net.ts';
import { SuperosError } from './error.ts';
import type { NetworkGrant, ResolveGrant } from './grants.ts';

const EVERYWHERE: readonly NetRule[] = (['connect', 'listen', 'udp', 'bind', 'resolve'] as const).map((use) => ({
  use,
  host: { kind: 'any' },
  ports: [[0, PORT_MAX]],
}));

/** The root of a network grant; `network` stands for all of them. */
export function endpointRoot(net: Net, grant: 'network' | NetworkGrant | ResolveGrant, name: string): Capability<Endpoint> {
  const rules = grant === 'network' ? EVERYWHERE : [rule(grant)];
  const rights = rules.reduce((all, { use }) => all | NET_RIGHT[use], NET_RIGHT.transfer as number);
  return new Capability(new Endpoint(net, rules), rights, ENDPOINT_INHERITING, undefined, name);
}

function rule(grant: NetworkGrant | ResolveGrant): NetRule {
  const { net: use } = grant;
  const local = use === 'listen' || use === 'bind';
  const ports = use === 'resolve' ? [] : parsePorts(String(grant.ports), local ? 0 : 1);
  return { use, host: parseHost(grant.host), ports };
}

/** The listener of a grant that names one; it comes beneath the grant's root. Throws SuperosError. */
export function preopenedListener(root: Capability<Endpoint>, name: string): Capability | undefined {
  const [only, ...others] = root.object.rules;
  if (only === undefined || others.length > 0 || only.use !== 'listen') return undefined;
  const { host, ports } = only;
  const [range, ...more] = ports;
  if (host.kind !== 'net' || host.prefix !== host.address.bits) return undefined;
  if (range === undefined || range[0] !== range[1] || more.length > 0) return undefined;
  const listener = root.object.net.listen({ address: host.address, port: range[0] }, BACKLOG_MAX);
  const failed = typeof listener === 'string' ? listener : listener.state;
  if (typeof listener !== 'string' && (failed === undefined || failed === 'AGAIN'))
    return root.open(new Listener(listener), LISTENER_RIGHTS, SOCKET_RIGHTS);
  if (typeof listener !== 'string') listener.close();
  throw new SuperosError('invalid-argument', `${name}: ${REASONS[failed!] ?? 'it cannot be listened on'}: E${failed}`);
}

const REASONS: Readonly<Record<string, string>> = {
  ADDRINUSE: 'somebody listens there already',
  ADDRNOTAVAIL: 'the address is none of this host',
  ACCES: 'this host allows the port to others only',
};
