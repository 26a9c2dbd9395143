// One writer for one audit log. The host's own lock (flock) where node:ffi reaches it: it goes with its owner, however that ends.
// Elsewhere a file FILE.lock that says whose it is by process id, which another host or container cannot judge.
import fs from 'node:fs';
import type { Errno } from '../../hal/errno.ts';
import { libc } from '../../hal/node/disk/libc.ts';
import { loadFfi } from '../../hal/node/ffi.ts';

const LOCK_EX_NB = 6;

/** What gives the lock up, undefined where another holds it. `host: false` is for a host without node:ffi. */
export function lock(fd: number, path: string, { host = true } = {}): (() => void) | undefined {
  const flock = host ? hostLock() : undefined;
  if (flock === undefined) return lockFile(`${path}.lock`);
  // Loaded before the call: what the C library says of an error does not last.
  const errors = libc();
  // It hangs on the open file, and goes when that is closed.
  if (flock(fd, LOCK_EX_NB) === 0) return () => undefined;
  return LOCKLESS.includes(errors?.error() ?? 'AGAIN') ? lockFile(`${path}.lock`) : undefined;
}

/** What file systems without locks answer. */
const LOCKLESS: readonly Errno[] = ['NOLCK', 'NOSYS', 'NOTSUP', 'INVAL'];

function hostLock(): ((fd: number, operation: number) => number) | undefined {
  try {
    const signature = { return: 'int32', arguments: ['int32', 'int32'] } as const;
    return loadFfi()?.dlopen(null, { flock: signature }).functions.flock;
  } catch {
    // No such call in this host's C library.
    return undefined;
  }
}

function lockFile(path: string): (() => void) | undefined {
  for (let tries = 0; tries < 2; tries++) {
    try {
      fs.writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return () => fs.rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!isStale(path)) return undefined;
    fs.rmSync(path, { force: true });
  }
  return undefined;
}

/** Whether its owner is gone. */
function isStale(path: string): boolean {
  try {
    const pid = Number(fs.readFileSync(path, 'utf8'));
    // A file without a number is being written, or is not ours.
    if (!(Number.isInteger(pid) && pid > 0)) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ESRCH' || code === 'ENOENT';
  }
}
