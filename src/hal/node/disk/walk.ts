// Resolution of paths beneath a directory: by openat2 in one call, or component by component on handles, for hosts without
// it and wherever each step has to be looked at. Never lets the host follow a link or a `..` that it has not been told to
// keep beneath.
import { constants, ftruncateSync } from 'node:fs';
import type { FileStat } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { type At, O_CLOEXEC, O_PATH } from './at.ts';
import { attempt } from './errno.ts';
import type { Guard } from './guard.ts';

const LINKS_MAX = 40;
/** Directories that a walk by components holds open at once. */
const DEPTH_MAX = 256;
/** Walks that the host gave up because something was renamed meanwhile, before going on by components. */
const RETRIES_MAX = 16;
const STEP = O_PATH | O_CLOEXEC | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A directory to walk from. */
export interface Root {
  readonly fd: number;
  readonly device: bigint;
  /** Something protected lies beneath: every step is looked at. */
  readonly guarded: boolean;
}

/** Where a path ends: a name, never `..`, in a directory that is held open. */
export interface Place {
  readonly fd: number;
  readonly device: bigint;
  readonly name: string;
  /** To be closed by whoever asked. */
  readonly owned: boolean;
  /** Each step was looked at, because something protected may be near. */
  readonly guarded: boolean;
}

export class Walker {
  readonly #at: At;
  readonly #guard: Guard;
  readonly #links: boolean;
  #linkless: Walker | undefined;

  /** Without `links` a walk gives LOOP where it meets one. */
  constructor(at: At, guard: Guard, links: boolean) {
    this.#at = at;
    this.#guard = guard;
    this.#links = links;
  }

  /** The one that follows no link. */
  get linkless(): Walker {
    if (!this.#links) return this;
    this.#linkless ??= new Walker(this.#at, this.#guard, false);
    return this.#linkless;
  }

  /** Opens `path`, which may be `.`. The descriptor is the caller's. */
  open(root: Root, path: string, flags: number, mode: number, follow: boolean): number | Errno {
    const finalFlags = follow ? flags : flags | constants.O_NOFOLLOW;
    const fast = this.#fast(root, path, finalFlags, mode);
    if (fast !== undefined) return fast;
    const place = this.locate(root, path, follow);
    if (typeof place === 'string') return place;
    // What is protected must not lose its bytes before it is known.
    const fd = this.#at.open(place.fd, place.name, (flags & ~constants.O_TRUNC) | constants.O_NOFOLLOW, mode);
    this.release(place);
    if (typeof fd === 'string') return fd;
    const refused = this.#admit(fd, place.device);
    const error = typeof refused === 'string' ? refused : (flags & constants.O_TRUNC) === 0 ? undefined : this.#truncate(fd);
    if (error === undefined) return fd;
    this.#at.close(fd);
    return error;
  }

  /** As O_TRUNC would: only of a file. */
  #truncate(fd: number): Errno | undefined {
    const stat = this.#at.status(fd);
    if (typeof stat === 'string') return stat;
    return stat.type === 'regular-file' ? attempt(() => ftruncateSync(fd, 0)) : undefined;
  }

  stat(root: Root, path: string, follow: boolean): FileStat | Errno {
    const fd = this.#fast(root, path, O_PATH | O_CLOEXEC | (follow ? 0 : constants.O_NOFOLLOW), 0);
    if (typeof fd === 'string') return fd;
    if (fd !== undefined) {
      const stat = this.#at.status(fd);
      this.#at.close(fd);
      return stat;
    }
    const place = this.locate(root, path, follow);
    if (typeof place === 'string') return place;
    const stat = this.#at.stat(place.fd, place.name);
    this.release(place);
    return stat;
  }

  /** The directory that holds the last component of `path`, and that component: it is not followed. */
  parent(root: Root, path: string): Place | Errno {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (name === '.' || name === '..') return this.locate(root, path, false);
    if (slash < 0) return { fd: root.fd, device: root.device, name, owned: false, guarded: root.guarded };
    const fd = this.#fast(root, path.slice(0, slash), O_PATH | O_CLOEXEC | constants.O_DIRECTORY, 0);
    if (fd === undefined) return this.locate(root, path, false);
    return typeof fd === 'string' ? fd : { fd, device: root.device, name, owned: true, guarded: false };
  }

  release(place: Place): void {
    if (place.owned) this.#at.close(place.fd);
  }

  /** Undefined where the walk has to be done by components. */
  #fast(root: Root, path: string, flags: number, mode: number): number | Errno | undefined {
    const { openBeneath } = this.#at;
    if (openBeneath === undefined || root.guarded) return undefined;
    for (let tries = 0; tries < RETRIES_MAX; tries++) {
      const fd = openBeneath(root.fd, path, flags, mode, this.#links);
      if (fd === 'AGAIN') continue;
      // The path leaves the tree, or enters another mount, of which the host tells no more.
      return fd === 'XDEV' ? undefined : fd;
    }
    return undefined;
  }

  /** Walks by components. With `follow` a link in the last one is expanded as well; it need not lead to anything. */
  locate(root: Root, path: string, follow: boolean): Place | Errno {
    const walk = new Walk(this.#at, root, path);
    const error = this.#steps(walk, follow);
    return error ?? walk.finish();
  }

  #steps(walk: Walk, follow: boolean): Errno | undefined {
    for (;;) {
      const error = this.#step(walk, follow);
      if (error === 'done') return undefined;
      if (error === undefined) continue;
      walk.abandon();
      return error;
    }
  }

  #step(walk: Walk, follow: boolean): Errno | 'done' | undefined {
    const name = walk.rest.pop();
    if (name === undefined) return 'done';
    if (name === '' || name === '.') return undefined;
    if (name === '..') return walk.up() ? undefined : 'PERM';
    const last = walk.rest.length === 0;
    if (last && !follow) {
      walk.name = name;
      return 'done';
    }
    if (!last) {
      const fd = this.#at.open(walk.fd, name, STEP, 0);
      if (typeof fd === 'number') return this.#enter(walk, fd);
      if (fd !== 'NOTDIR' && fd !== 'LOOP') return fd;
    }
    const target = this.#at.readlink(walk.fd, name);
    if (typeof target === 'string') return this.#links ? walk.expand(target) : 'LOOP';
    if (!last) return target.error === 'INVAL' ? 'NOTDIR' : target.error;
    if (target.error !== 'INVAL' && target.error !== 'NOENT') return target.error;
    walk.name = name;
    return 'done';
  }

  #enter(walk: Walk, fd: number): Errno | undefined {
    const device = walk.depth < DEPTH_MAX ? this.#admit(fd, walk.device) : 'NAMETOOLONG';
    if (typeof device === 'string') {
      this.#at.close(fd);
      return device;
    }
    walk.down(fd, device);
    return undefined;
  }

  /** The device of what was just opened, or why it is refused. */
  #admit(fd: number, from: bigint): bigint | Errno {
    const stat = this.#at.status(fd);
    if (typeof stat === 'string') return stat;
    return this.#guard.admit(fd, stat, from) ?? stat.device;
  }
}

/** How far a walk has come: the directories entered, from the root down, and the components that are left. */
class Walk {
  readonly rest: string[];
  name = '.';
  readonly #at: At;
  readonly #root: Root;
  readonly #entered: { readonly fd: number; readonly device: bigint }[] = [];
  #links = 0;

  constructor(at: At, root: Root, path: string) {
    this.#at = at;
    this.#root = root;
    this.rest = path.split('/').reverse();
  }

  get fd(): number {
    return this.#entered.at(-1)?.fd ?? this.#root.fd;
  }

  get device(): bigint {
    return this.#entered.at(-1)?.device ?? this.#root.device;
  }

  get depth(): number {
    return this.#entered.length;
  }

  down(fd: number, device: bigint): void {
    this.#entered.push({ fd, device });
  }

  /** Back to where this walk came from, which is beneath the root even if the directory has been moved since. */
  up(): boolean {
    const left = this.#entered.pop();
    if (left === undefined) return false;
    this.#at.close(left.fd);
    return true;
  }

  /** A slash at the end of a target leaves an empty component, so that what comes before has to be a directory. */
  expand(target: string): Errno | undefined {
    if (++this.#links > LINKS_MAX) return 'LOOP';
    if (target === '') return 'NOENT';
    if (target.startsWith('/')) return 'PERM';
    this.rest.push(...target.split('/').reverse());
    return undefined;
  }

  finish(): Place {
    const { fd, device, name } = this;
    const owned = this.#entered.pop() !== undefined;
    this.abandon();
    return { fd, device, name, owned, guarded: true };
  }

  abandon(): void {
    for (const { fd } of this.#entered) this.#at.close(fd);
    this.#entered.length = 0;
  }
}
