// Where this user's caches of compiled code are: what is found there is run without a check, so no guest may ever reach it.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export function cacheHome(): string {
  const { XDG_CACHE_HOME: configured } = process.env;
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'superos');
}
