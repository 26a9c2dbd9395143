// Where this user's caches of compiled code are: what is found there is run without a check, so no guest may ever reach it.
import { isAbsolute } from 'node:path';

/** Undefined for a user who has no home: a cache in whatever directory is the current one would be anybody's. */
export function cacheHome(): string | undefined {
  const { XDG_CACHE_HOME: configured } = process.env;
  if (configured !== undefined && isAbsolute(configured)) return `${configured}/superos`;
  try {
    // As os.homedir has it, without loading node:os where the variable says.
    const home = process.env['HOME'] || process.getBuiltinModule('node:os').homedir();
    return isAbsolute(home) ? `${home}/.cache/superos` : undefined;
  } catch {
    return undefined;
  }
}
