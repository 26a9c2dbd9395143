// Sockets. A descriptor that is no socket is NOTSOCK, whatever its rights.
import type { Capability } from '../../caps/capability.ts';
import { SOCKET_RIGHTS } from '../../caps/endpoint.ts';
import { FDFLAG } from '../../caps/object.ts';
import { RIGHT } from '../../caps/rights.ts';
import { Connection } from '../../caps/socket.ts';
import { SOCKET_BYTES } from '../../hal/net.ts';
import type { Caller } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import type { Iovecs } from '../iovecs.ts';
import { fd_read, fd_write } from './file.ts';

type SocketResult = ReturnType<Handler<'sock_recv'>>;

/** WASI `riflags`; the other one is 2, to wait for all. */
const PEEK = 1;

const isSocket = ({ object }: Capability) => object.type === 'socket-stream' || object.type === 'socket-dgram';

export const sock_accept: Handler<'sock_accept'> = (caller, fd, flags, out) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.accept) === 0) return caller.lacks({ call: 'sock_accept', by: fd, rights: RIGHT.accept });
  if (caller.capabilities.room < 1) return 'MFILE';
  const freed = caller.account.hold(SOCKET_BYTES);
  if (freed === undefined) return 'NFILE';
  const accepted = fd.object.accept(freed);
  if (typeof accepted === 'string') freed();
  if (accepted === 'AGAIN' && (fd.object.flags & FDFLAG.nonblock) === 0) {
    const ready = fd.object.ready('read');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? sock_accept(caller, fd, flags, out) : 'BADF',
    );
  }
  if (typeof accepted === 'string') return accepted as ReturnType<Handler<'sock_accept'>>;
  accepted.flags = flags;
  caller.memory.setU32(out, caller.capabilities.insert(fd.open(accepted, SOCKET_RIGHTS, 0))!);
  return undefined;
};

export const sock_recv: Handler<'sock_recv'> = (caller, fd, list, flags, out, outFlags) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.read) === 0) return caller.lacks({ call: 'sock_recv', by: fd, rights: RIGHT.read });
  caller.memory.setU16(outFlags, 0);
  if (flags === 0) return fd_read(caller, fd, list, out) as SocketResult;
  const { object } = fd;
  if (!(object instanceof Connection)) return object.type === 'socket-stream' ? 'NOTCONN' : 'NOTSUP';
  return (flags & PEEK) !== 0 ? peek(caller, fd, object, list, out) : receiveAll(caller, fd, object, list, out, 0);
};

/** Into the first element alone, and without waiting for more than there is, as wasmtime has it. */
function peek(caller: Caller, fd: Capability, connection: Connection, list: Iovecs, out: number): SocketResult {
  const peeked = list.count === 0 ? 0 : connection.peek(caller.memory.bytes, list.address(0), list.length(0));
  if (peeked === 'AGAIN' && (connection.flags & FDFLAG.nonblock) === 0) {
    const kept = list === caller.iovecs ? list.copy() : list;
    const ready = connection.ready('read');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? peek(caller, fd, connection, kept, out) : 'BADF',
    );
  }
  if (typeof peeked === 'string') return peeked as SocketResult;
  caller.memory.setU32(out, peeked);
  return undefined;
}

/** Until every element is full or no more comes; `done` bytes were received. What was received before an error counts. */
function receiveAll(
  caller: Caller,
  fd: Capability,
  connection: Connection,
  list: Iovecs,
  out: number,
  done: number,
): SocketResult {
  let received = done;
  let answer: ReturnType<Connection['read']> = 0;
  for (let i = 0, before = 0; i < list.count; i++) {
    const length = list.length(i);
    while (received < before + length) {
      answer = connection.read(caller.memory.bytes, list.address(i) + received - before, before + length - received);
      if (typeof answer === 'string' || answer === 0) break;
      received += answer;
    }
    before += length;
    if (received < before) break;
  }
  if (answer === 'AGAIN' && (connection.flags & FDFLAG.nonblock) === 0) {
    const kept = list === caller.iovecs ? list.copy() : list;
    const ready = connection.ready('read');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? receiveAll(caller, fd, connection, kept, out, received) : 'BADF',
    );
  }
  if (typeof answer === 'string' && received === 0) return answer as SocketResult;
  caller.bytesRead += received;
  caller.memory.setU32(out, received);
  return undefined;
}

export const sock_send: Handler<'sock_send'> = (caller, fd, list, _flags, out) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.write) === 0) return caller.lacks({ call: 'sock_send', by: fd, rights: RIGHT.write });
  return fd_write(caller, fd, list, out) as SocketResult;
};

export const sock_shutdown: Handler<'sock_shutdown'> = (caller, fd, how) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.shutdown) === 0) return caller.lacks({ call: 'sock_shutdown', by: fd, rights: RIGHT.shutdown });
  if (how === 0) return 'INVAL';
  return fd.object.shutdown((how & 1) !== 0, (how & 2) !== 0) as ReturnType<Handler<'sock_shutdown'>>;
};
