// What no guest may reach, whatever directory a person opened to it: procfs, whose links lead to the descriptors and the
// memory of host processes, and directories that SuperOS trusts, such as its cache of compiled code.
// Everything is known by device and inode, never by name.
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FileStat } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { procPath } from './at.ts';
import { attempt, fromException } from './errno.ts';

const PROC_SUPER_MAGIC = 0x9fa0;
const LINKS_MAX = 40;
const PRIVATE_MODE = 0o700;

type Identity = string;
const identity = (stat: { readonly device: bigint; readonly inode: bigint }): Identity => `${stat.device}:${stat.inode}`;
const hostIdentity = (stat: fs.BigIntStats): Identity => `${stat.dev}:${stat.ino}`;

interface Trace {
  /** Every directory and link that the path leads through, its end included. */
  readonly passed: readonly Identity[];
  readonly end: Identity | undefined;
  /** Without links: what to create so that the path leads somewhere. */
  readonly missing: string | undefined;
}

export class Guard {
  readonly #paths: readonly string[];
  #ends: ReadonlySet<Identity> = new Set();
  #chain: ReadonlySet<Identity> = new Set();

  constructor(paths: readonly string[]) {
    this.#paths = paths.map((path) => resolve(path));
  }

  /** Whether a guest may hold the directory `fd` as a root. Creates what is protected, so that no guest can plant it. */
  admitRoot(fd: number, stat: FileStat): Errno | undefined {
    if (isProcfs(fd)) return 'ACCES';
    if (this.#paths.length === 0) return undefined;
    let traces = this.#paths.map(trace);
    const created = traces.map(({ passed, missing }) => {
      if (missing === undefined || !passed.includes(identity(stat))) return false;
      // What this user cannot create, no guest of this user can plant.
      attempt(() => fs.mkdirSync(missing, { recursive: true, mode: PRIVATE_MODE }));
      return true;
    });
    if (created.includes(true)) traces = this.#paths.map(trace);
    this.#ends = new Set(traces.flatMap(({ end }) => end ?? []));
    this.#chain = new Set(traces.flatMap(({ passed }) => passed));
    return this.#isInside(fd) ? 'ACCES' : undefined;
  }

  /** Whether a walk may enter or open `fd`; `device` is that of the directory it comes from. */
  admit(fd: number, stat: FileStat, device: bigint): Errno | undefined {
    if (stat.device !== device && isProcfs(fd)) return 'ACCES';
    return this.isProtected(stat) ? 'ACCES' : undefined;
  }

  /** Whether a protected directory is reached through this one. Renaming or removing it would move what is protected. */
  leadsToProtected(stat: FileStat): boolean {
    return this.#chain.size > 0 && this.#chain.has(identity(stat));
  }

  /** A file that had another name could be reached by it. */
  isProtected(stat: FileStat): boolean {
    return this.#ends.size > 0 && this.#ends.has(identity(stat));
  }

  #isInside(fd: number): boolean {
    let last: Identity | undefined;
    for (let above = procPath(fd); ; above += '/..') {
      const id = hostIdentity(fs.statSync(above, { bigint: true }));
      if (this.#ends.has(id)) return true;
      if (id === last) return false;
      last = id;
    }
  }
}

/** Follows a host path the way the host does, and notes what it passes, as far as this user can see. */
const trace = (path: string): Trace => {
  const passed = [hostIdentity(fs.lstatSync('/', { bigint: true }))];
  const rest = path.split('/').reverse();
  let at = '/';
  let end = passed[0];
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '' || name === '.') continue;
    const next = name === '..' ? dirname(at) : join(at, name);
    const stat = lstat(next);
    if (typeof stat === 'string') return { passed, end: undefined, missing: undefined };
    if (stat === undefined) return { passed, end: undefined, missing: join(next, ...rest.reverse()) };
    passed.push(hostIdentity(stat));
    if (stat.isSymbolicLink()) {
      if (++links > LINKS_MAX) return { passed, end: undefined, missing: undefined };
      const target = fs.readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.push(...target.split('/').reverse());
    } else {
      at = next;
      end = hostIdentity(stat);
    }
  }
  return { passed, end, missing: undefined };
};

const lstat = (path: string): fs.BigIntStats | Errno | undefined => {
  try {
    return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return fromException(error);
  }
};

/** What cannot be asked what it is, on a mount that is going away, is not entered either. */
function isProcfs(fd: number): boolean {
  try {
    return fs.statfsSync(procPath(fd)).type === PROC_SUPER_MAGIC;
  } catch {
    return true;
  }
}
