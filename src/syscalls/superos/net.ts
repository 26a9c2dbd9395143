// The network: each call works on the endpoint, or the socket, that it names, and has no other authority. What the host has to
// answer is waited for; a process that ends meanwhile takes what was begun with it, since that is a descriptor from the start.
import type { Capability } from '../../caps/capability.ts';
import { type Endpoint, LISTENER_RIGHTS, NET_RIGHT, SOCKET_RIGHTS } from '../../caps/endpoint.ts';
import { FDFLAG } from '../../caps/object.ts';
import { Connection, Datagrams, Listener, Peers, Socket } from '../../caps/socket.ts';
import { type Address, formatAddress, parseAddress, scopeOf } from '../../hal/address.ts';
import type { Errno } from '../../hal/errno.ts';
import { BACKLOG_MAX, SOCKET_BYTES } from '../../hal/net.ts';
import { encodeUtf8 } from '../../hal/utf8.ts';
import type { Caller, Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { answered, reach } from './reach.ts';

type NetResult = ReturnType<Handler<'net_connect'>>;

export const net_connect: Handler<'net_connect'> = (caller, by, host, port, out) => {
  if (port === 0) return 'INVAL';
  const what = { call: 'net_connect', by, endpoint: by.object, use: 'connect', host, port } as const;
  return reach(caller, what, (addresses) => connect(caller, by, addresses, port, out, 'HOSTUNREACH')) as NetResult;
};

/** Milliseconds that an address gets while there are others to try. */
const PATIENCE_MS = 3000;

/** Tries one address after the other; what the last one failed with counts. */
function connect(
  caller: Caller,
  by: Capability<Endpoint>,
  [first, ...rest]: readonly Address[],
  port: number,
  out: number,
  failed: Errno,
): Result {
  if (first === undefined) return failed;
  return open(
    caller,
    (freed) => {
      const stream = by.object.net.connect({ address: first, port }, rest.length > 0 ? PATIENCE_MS : undefined);
      return typeof stream === 'string' ? stream : by.open(new Connection(stream, freed), SOCKET_RIGHTS, 0);
    },
    out,
    (why) => (caller.capabilities.holds(by) ? connect(caller, by, rest, port, out, why) : 'BADF'),
  );
}

/** Opens a socket, waits until it is there, and tells its descriptor. */
function open(
  caller: Caller,
  make: (freed: () => void) => Capability<Connection | Listener | Datagrams> | Errno,
  out: number,
  failed: (why: Errno) => Result,
): Result {
  if (caller.capabilities.room < 1) return 'MFILE';
  const freed = caller.account.hold(SOCKET_BYTES);
  if (freed === undefined) return 'NFILE';
  const made = make(freed);
  if (typeof made === 'string') {
    freed();
    return failed(made);
  }
  caller.capabilities.insert(made);
  return opened(caller, made, out, failed);
}

function opened(
  caller: Caller,
  fd: Capability<Connection | Listener | Datagrams>,
  out: number,
  failed: (why: Errno) => Result,
): Result {
  const { state } = fd.object;
  if (state === undefined) {
    caller.memory.setU32(out, fd.place);
    return undefined;
  }
  if (state !== 'AGAIN') {
    fd.drop();
    return failed(state);
  }
  const ready = fd.object.ready('write');
  return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
    caller.capabilities.holds(fd) ? opened(caller, fd, out, failed) : 'BADF',
  );
}

export const net_listen: Handler<'net_listen'> = (caller, by, host, port, backlog, out) => {
  const address = parseAddress(host);
  if (address === undefined) return 'INVAL';
  const endpoint = by.object;
  if (!endpoint.allowsLocal('listen', address, port)) return caller.lacks({ call: 'net_listen', by, facts: { host, port } });
  const bound = Math.max(1, Math.min(backlog, BACKLOG_MAX));
  return open(
    caller,
    (freed) => {
      const listener = endpoint.net.listen({ address, port }, bound);
      if (typeof listener === 'string') return listener;
      return by.open(new Listener(listener, freed), LISTENER_RIGHTS, SOCKET_RIGHTS);
    },
    out,
    (why) => why,
  ) as NetResult;
};

/**
 * Datagrams at an address that was granted come from anyone. Whoever may only send has a port of no choice of its own, and hears
 * from those alone that it sent to.
 */
export const net_bind: Handler<'net_bind'> = (caller, by, host, port, out) => {
  const address = parseAddress(host);
  if (address === undefined) return 'INVAL';
  const { object: endpoint, rights } = by;
  const serves = (rights & NET_RIGHT.bind) !== 0 && endpoint.allowsLocal('bind', address, port);
  const sends = (rights & NET_RIGHT.udp) !== 0 && endpoint.rules.some(({ use }) => use === 'udp');
  if (!serves && !(sends && port === 0 && scopeOf(address) === 'unspecified'))
    return caller.lacks({ call: 'net_bind', by, facts: { host, port } });
  const peers = new Peers();
  return open(
    caller,
    (freed) => {
      const socket = endpoint.net.bind({ address, port }, (from) => serves || peers.has(from));
      if (typeof socket === 'string') return socket;
      return by.open(new Datagrams(socket, endpoint.retain(), sends, peers, freed), SOCKET_RIGHTS, 0);
    },
    out,
    (why) => why,
  ) as NetResult;
};

export const net_send_to: Handler<'net_send_to'> = (caller, fd, list, host, port, out) => {
  const socket = fd.object;
  if (!(socket instanceof Datagrams)) return 'NOTSOCK';
  if (port === 0) return 'INVAL';
  if (list.bytes > DATAGRAM_BYTES_MAX) return 'MSGSIZE';
  // Copied before anything is waited for: what is sent is what was there when the call was made.
  const bytes = new Uint8Array(list.bytes);
  for (let i = 0, at = 0; i < list.count; i++) {
    const from = list.address(i);
    bytes.set(caller.memory.bytes.subarray(from, from + list.length(i)), at);
    at += list.length(i);
  }
  const address = parseAddress(host);
  const facts = { kind: socket.kind, size: bytes.length };
  const what = { call: 'net_send_to', by: fd, endpoint: socket.endpoint, use: 'udp', host, port, facts } as const;
  if (address !== undefined && socket.peers.has({ address, port }))
    return caller.review(
      'net_send_to',
      { ...facts, host, addresses: [host], port },
      () => send(caller, fd, socket, [address], port, bytes, out),
      fd,
    ) as NetResult;
  if (!socket.sends) return caller.lacks({ call: 'net_send_to', by: fd, facts: { host, port } });
  return reach(caller, what, (addresses) => send(caller, fd, socket, addresses, port, bytes, out)) as NetResult;
};

/** What UDP carries at most. */
const DATAGRAM_BYTES_MAX = 65_507;

function send(
  caller: Caller,
  fd: Capability,
  socket: Datagrams,
  addresses: readonly Address[],
  port: number,
  bytes: Uint8Array,
  out: number,
): Result {
  const bits = socket.local?.address.bits;
  const address = addresses.find((one) => one.bits === bits);
  if (address === undefined) return 'AFNOSUPPORT';
  const sent = socket.send({ address, port }, bytes);
  if (sent === 'AGAIN' && (socket.flags & FDFLAG.nonblock) === 0) {
    const ready = socket.ready('write');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? send(caller, fd, socket, addresses, port, bytes, out) : 'BADF',
    );
  }
  if (typeof sent === 'string') return sent;
  caller.bytesWritten += sent;
  caller.memory.setU32(out, sent);
  return undefined;
}

export const net_recv_from: Handler<'net_recv_from'> = (caller, fd, list, at, room, used, port, out) => {
  const socket = fd.object;
  if (!(socket instanceof Datagrams)) return 'NOTSOCK';
  const { next } = socket;
  if (next === undefined) {
    if ((socket.flags & FDFLAG.nonblock) !== 0) return 'AGAIN';
    const kept = list === caller.iovecs ? list.copy() : list;
    const ready = socket.ready('read');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? net_recv_from(caller, fd, kept, at, room, used, port, out) : 'BADF',
    );
  }
  const from = encodeUtf8(formatAddress(next.from.address));
  if (from.length > room) return 'RANGE';
  const received = socket.receive();
  if (typeof received === 'string') return received as ReturnType<Handler<'net_recv_from'>>;
  let done = 0;
  for (let i = 0; i < list.count && done < received.bytes.length; i++) {
    const part = received.bytes.subarray(done, done + list.length(i));
    caller.memory.bytes.set(part, list.address(i));
    done += part.length;
  }
  caller.bytesRead += done;
  caller.memory.bytes.set(from, at);
  caller.memory.setU32(used, from.length);
  caller.memory.setU32(port, received.from.port);
  caller.memory.setU32(out, done);
  return undefined;
};

/** The addresses of a name, each as text with a NUL. RANGE where they do not fit: `used` tells how much they take. */
export const net_resolve: Handler<'net_resolve'> = (caller, by, host, at, room, used) => {
  const tell = (addresses: readonly Address[]): Result => {
    const bytes = encodeUtf8(addresses.map((one) => `${formatAddress(one)}\0`).join(''));
    caller.memory.setU32(used, bytes.length);
    if (bytes.length > room) return 'RANGE';
    caller.memory.bytes.set(bytes, at);
    return undefined;
  };
  // An address says nothing of anybody.
  const address = parseAddress(host);
  if (address !== undefined) return tell([address]) as NetResult;
  if (!by.object.allowsLookup(host, by.rights)) return caller.lacks({ call: 'net_resolve', by, facts: { host } });
  return answered(caller, by, by.object.net.resolve(host), (addresses) =>
    caller.review('net_resolve', { host, addresses: addresses.map(formatAddress) }, () => tell(addresses), by),
  ) as NetResult;
};

export const net_address: Handler<'net_address'> = (caller, fd, which, at, room, used, port) => {
  if (!(fd.object instanceof Socket)) return 'NOTSOCK';
  const found = which === 'local' ? fd.object.local : fd.object.remote;
  if (found === undefined) return 'NOTCONN';
  const bytes = encodeUtf8(formatAddress(found.address));
  caller.memory.setU32(used, bytes.length);
  if (bytes.length > room) return 'RANGE';
  caller.memory.bytes.set(bytes, at);
  caller.memory.setU32(port, found.port);
  return undefined;
};
