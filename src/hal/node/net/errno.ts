// From what node:net, node:dgram and node:dns report to our errors.
import { ERRNO_NAMES, type Errno } from '../../errno.ts';

const NAMES: ReadonlySet<string> = new Set(ERRNO_NAMES);

/** Those of the resolver, whose names are those of c-ares or getaddrinfo; the rest of them say that no answer could be had. */
const RESOLVER: Readonly<Record<string, Errno>> = {
  ENOTFOUND: 'NOENT',
  ENODATA: 'NOENT',
  EAI_NONAME: 'NOENT',
  EAI_NODATA: 'NOENT',
  EAI_ADDRFAMILY: 'NOENT',
  ENONAME: 'NOENT',
  ETIMEOUT: 'TIMEDOUT',
  ECONNREFUSED: 'HOSTUNREACH',
  ECANCELLED: 'CANCELED',
  EDESTRUCTION: 'CANCELED',
};

const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') throw error;
  return code;
};

/** What an error of a socket means here; one that no host reported is a bug and goes on. */
export const socketErrno = (error: unknown): Errno => {
  const code = codeOf(error);
  if (code === 'EOPNOTSUPP' || code === 'ENOTSUP') return 'NOTSUP';
  if (code === 'ERR_ACCESS_DENIED') return 'ACCES';
  if (code === 'ERR_SOCKET_DGRAM_NOT_RUNNING') return 'BADF';
  if (code.startsWith('ERR_')) throw error;
  const ours = code.slice(1);
  return code.startsWith('E') && NAMES.has(ours) ? (ours as Errno) : 'IO';
};

/** What an error of the resolver means here: HOSTUNREACH where no server answered. */
export const resolverErrno = (error: unknown): Errno => RESOLVER[codeOf(error)] ?? 'HOSTUNREACH';
