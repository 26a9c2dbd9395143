// From the host's errors to ours: numbers of system calls that failed, and exceptions of node:fs.
import { ERRNO_NAMES, type Errno } from '../../errno.ts';

const NAMES: ReadonlySet<string> = new Set(ERRNO_NAMES);

const errnoOf = (name: string): Errno | undefined => {
  if (name === 'EOPNOTSUPP') return 'NOTSUP';
  const ours = name.slice(1);
  return name.startsWith('E') && NAMES.has(ours) ? (ours as Errno) : undefined;
};

let byNumber: ReadonlyMap<number, Errno> | undefined;

/** Made when the first call fails that does not go through node:fs: for most programs none does. */
const numbers = (): ReadonlyMap<number, Errno> => {
  const { errno } = process.getBuiltinModule('node:os').constants;
  return new Map(
    Object.entries(errno).flatMap(([name, number]): [number, Errno][] => {
      const ours = errnoOf(name);
      return ours === undefined ? [] : [[number, ours]];
    }),
  );
};

/** What the host's error number means here; IO where it has no counterpart. */
export const fromNumber = (number: number): Errno => {
  byNumber ??= numbers();
  return byNumber.get(number) ?? 'IO';
};

/** What an exception of node:fs means here. One that is not about a file is a bug and goes on. */
export const fromException = (error: unknown): Errno => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') throw error;
  if (code === 'ERR_OUT_OF_RANGE' || code === 'ERR_INVALID_ARG_VALUE') return 'INVAL';
  if (code === 'ERR_ACCESS_DENIED') return 'ACCES';
  if (code.startsWith('ERR_')) throw error;
  return errnoOf(code) ?? 'IO';
};

/** Runs a call of node:fs that gives nothing. */
export const attempt = (call: () => void): Errno | undefined => {
  try {
    call();
    return undefined;
  } catch (error) {
    return fromException(error);
  }
};
