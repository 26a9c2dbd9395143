// Children that a guest starts by itself. A child gets what its parent has and may hand on, never more: the program that it
// may execute, its descriptors as named, its directories, and its other capabilities; each beneath the parent's, so that what is
// revoked from the parent is gone from the child.
import type { Capability } from '../caps/capability.ts';
import type { PolicyObject } from '../caps/confinement.ts';
import { OpenDirectory } from '../caps/directory.ts';
import { withoutLinks } from '../caps/links.ts';
import { type CapObject, Description } from '../caps/object.ts';
import { absolute } from '../caps/path.ts';
import { decide } from '../caps/policy/decide.ts';
import { PROCESS_RIGHT, type ProcessObject } from '../caps/process.ts';
import { PROGRAM_RIGHT, type ProgramObject } from '../caps/program.ts';
import { RIGHT } from '../caps/rights.ts';
import { AS_DIRECTORY } from '../hal/disk.ts';
import type { Program } from '../runtime/program.ts';
import type { ChildEnd, ChildRequest, Offspring, Place, SpawnErrno } from '../syscalls/caller.ts';
import { entering } from '../syscalls/posix/child.ts';
import { SpawnError } from './error.ts';
import type { Limits } from './limits.ts';
import type { Confinement } from './policy/confinement.ts';
import { looksAtPaths, type Watch, within } from './policy/watch.ts';
import type { Process } from './process.ts';
import type { ExitStatus } from './status.ts';

/** The first of the tree that a process is of: it has no parent. */
export function founder(process: Process): Process {
  let first = process;
  while (first.parent !== undefined) first = first.parent;
  return first;
}

const NONE: readonly Confinement[] = [];

const transferable = ({ rights }: Capability<CapObject>): boolean => (rights & RIGHT.transfer) !== 0;
const child = <T extends CapObject>(one: Capability<T>): Capability<T> => one.derive(one.rights, one.inheriting);

export class GuestOffspring implements Offspring {
  readonly #process: Process;
  /** What its children are put under. */
  #confinements: readonly Confinement[] = NONE;
  #watch: Watch | undefined;

  constructor(process: Process) {
    this.#process = process;
  }

  confine({ object }: Capability<PolicyObject>): 'NOTSUP' | undefined {
    const { confinement } = object as PolicyObject<Confinement>;
    // A child has its number from those of its parent, who waits for it by that.
    if (confinement.policy.namespaces.pid) return 'NOTSUP';
    if (this.#confinements.includes(confinement)) return undefined;
    this.#confinements = [...this.#confinements, confinement];
    this.#watch = within(this.#watch, { policy: confinement.policy, enforce: true });
    return undefined;
  }

  spawn({ program: { object }, args, environment, streams, cwd }: ChildRequest): number | SpawnErrno {
    const { capabilities, kernel, limits } = this.#process;
    // Programs are the runtime's, which whoever calls knows nothing of.
    const { program } = object as ProgramObject<Program>;
    if (capabilities.handleRoom < 1) return 'AGAIN';
    if (!this.#confinements.every((one) => one.fits(program))) return 'PERM';
    const descriptors = this.#descriptors(streams, cwd);
    if (typeof descriptors === 'string') return descriptors;
    const handles = [...capabilities.handles]
      .filter((one) => one.object.kind !== 'process' && transferable(one) && this.#gives(one))
      .map(child);
    try {
      const made = kernel.spawn({
        program,
        parent: this.#process,
        args,
        environment: this.#confinements.reduce<ReadonlyMap<string, string>>(
          (all, one) => one.environment(all),
          variables(environment),
        ),
        descriptors,
        handles,
        // Its parent's clock on the wall is over when it is over; its bounds nest.
        limits: this.#confinements.reduce<Limits>((all, one) => one.limits(all), { ...limits, timeoutNs: undefined, soft: {} }),
        task: 'command',
        ...(this.#watch && { watch: this.#watch }),
      });
      capabilities.insertHandle(made.capability());
      return made.number;
    } catch (error) {
      if (!(error instanceof SpawnError)) throw error;
      return error.errno as SpawnErrno;
    }
  }

  wait(pid: number | undefined): ChildEnd | { readonly waiting: readonly Promise<void>[] } | 'CHILD' {
    const awaited = [...this.#process.children].filter((one) => (pid === undefined || one.number === pid) && this.mayWait(one));
    const over = awaited.find(({ status }) => status !== undefined);
    if (over !== undefined) {
      this.#on(over.number, PROCESS_RIGHT.wait)?.drop();
      over.kernel.reap(over);
      return endOf(over.status!);
    }
    return awaited.length === 0 ? 'CHILD' : { waiting: awaited.map(({ done }) => done as Promise<unknown> as Promise<void>) };
  }

  /** It holds a capability to wait for this one. */
  mayWait({ number }: Process): boolean {
    return this.#on(number, PROCESS_RIGHT.wait) !== undefined;
  }

  #on(pid: number, right: number): Capability<ProcessObject> | undefined {
    return this.#process.capabilities.find<ProcessObject>(
      'process',
      ({ object, rights }) => object.number === pid && (rights & right) !== 0,
    );
  }

  /** By the path that it was given by, else by its base name, with or without what says that it is WebAssembly. */
  program(wanted: string): Capability<ProgramObject<Program>> | undefined {
    const { capabilities } = this.#process;
    const executable = ({ rights }: Capability<CapObject>) => (rights & PROGRAM_RIGHT.execute) !== 0;
    const name = wanted.slice(wanted.lastIndexOf('/') + 1);
    return (
      capabilities.find<ProgramObject<Program>>('program', (one) => executable(one) && one.object.path === wanted) ??
      capabilities.find<ProgramObject<Program>>(
        'program',
        (one) =>
          executable(one) && (one.object.program.name === name || one.object.program.name.replace(/\.wa(sm|t)$/, '') === name),
      )
    );
  }

  /** Links are expanded, so that the path is the place, and rules about it hold. */
  place(cwd: string): Place | SpawnErrno | undefined {
    // What has no working directory of its own says `/`.
    const found = cwd.startsWith('/') && cwd !== '/' ? this.#process.resolve(cwd) : undefined;
    if (found === undefined || !transferable(found.capability)) return undefined;
    const { capability: through, directory } = found;
    if ((through.rights & RIGHT.pathOpen) === 0)
      return this.#process.thread.lacks({ call: 'proc_spawn', by: through, rights: RIGHT.pathOpen });
    const led = withoutLinks(directory, found.rest, true);
    if (typeof led === 'string') return led as SpawnErrno;
    const path = absolute(through.object.path, led.path);
    const own = this.#given.find(({ preopen }) => preopen === '.');
    return own?.object.path === path ? undefined : { through, directory, rest: led.path, path };
  }

  get #given(): Capability[] {
    return this.#process.capabilities.slots.filter((one) => one?.preopen !== undefined && transferable(one)) as Capability[];
  }

  /** Its three streams; the directories that the parent was given; the working directory: the parent's, unless it is told of another. */
  #descriptors(streams: readonly Capability[], cwd: Place | undefined): Capability[] | SpawnErrno {
    const given = this.#given.filter((one) => (cwd === undefined || one.preopen !== '.') && this.#gives(one));
    const made = [
      ...streams.map((one) => this.#stream(one)),
      ...given.map((one) => this.#directory(one)),
      ...(cwd === undefined ? [] : [this.#cwd(cwd)]),
    ];
    const failed = made.find((one) => typeof one === 'string');
    if (failed === undefined) return made as Capability[];
    for (const one of made) if (typeof one !== 'string') one.drop();
    return failed;
  }

  /** A directory in place of a stream is one that it is given. */
  #stream(one: Capability): Capability | SpawnErrno {
    if (one.object.directory === undefined) return child(one);
    return this.#gives(one) ? this.#directory(one) : 'NOTCAPABLE';
  }

  /** Where rules about paths come with it, the child's own, beneath which no link is followed that they have not seen. */
  #directory(one: Capability): Capability | SpawnErrno {
    const { directory, path } = one.object;
    if (directory === undefined || !this.#looksAtPaths) return child(one);
    const opened = directory.linkless();
    if (typeof opened === 'string') return opened as SpawnErrno;
    return one.open(new OpenDirectory(opened, path), one.rights, one.inheriting, one.preopen);
  }

  #cwd(place: Place): Capability | SpawnErrno {
    const { through, directory, rest, path } = place;
    if (!this.#gives(through)) return 'NOTCAPABLE';
    const policy = this.#watch?.policy;
    const action = policy === undefined ? 'allow' : decide(policy, 'path_open', entering(place)).action.do;
    if (action !== 'allow' && action !== 'log') return 'PERM';
    // It was found without links, and is to be opened as it was found.
    const from = this.#looksAtPaths ? directory.linkless() : directory;
    if (typeof from === 'string') return from as SpawnErrno;
    const opened = from.open(rest, AS_DIRECTORY);
    if (from !== directory) from.close();
    if (typeof opened === 'string') return opened as SpawnErrno;
    if (opened.kind === 'directory')
      return through.open(new OpenDirectory(opened, path), through.rights, through.inheriting, '.');
    opened.close();
    return 'NOTDIR';
  }

  get #looksAtPaths(): boolean {
    return this.#watch !== undefined && looksAtPaths(this.#watch);
  }

  #gives({ name, object }: Capability<CapObject>): boolean {
    const path = object instanceof Description && object.directory !== undefined ? object.path : undefined;
    return this.#confinements.every((one) => one.gives(name, path));
  }

  /** What its children are under that it is not. */
  get confines(): boolean {
    return this.#confinements.length > 0;
  }
}

function variables(environment: readonly string[]): Map<string, string> {
  return new Map(
    environment.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** What ended otherwise than by itself or by a signal, ended as on a system that has signals alone. */
function endOf({ code, signal, reason }: ExitStatus): ChildEnd {
  if (code !== null) return { code, signal: 'SIGKILL' };
  return { code, signal: signal ?? (reason === 'trap' ? 'SIGABRT' : 'SIGKILL') };
}
