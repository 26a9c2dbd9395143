// The one place where an error becomes a number: WASI preview 1 `errno`.
import { ERRNO_NAMES, type ErrnoName } from '../hal/errno.ts';

export const ERRNO: Readonly<Record<ErrnoName, number>> = Object.fromEntries(
  ERRNO_NAMES.map((name, number) => [name, number]),
) as Record<ErrnoName, number>;
