// Why a process could not be made.
import type { Errno } from '../hal/errno.ts';

export class SpawnError extends Error {
  readonly errno: Errno;

  constructor(errno: Errno, message: string) {
    super(message);
    this.name = 'SpawnError';
    this.errno = errno;
  }
}
