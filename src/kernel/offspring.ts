// Children that a guest starts by itself. A child gets what its parent has and may hand on, never more: the program that it
// may execute, its descriptors as named, its directories, and its other capabilities; each beneath the parent's, so that what is
// revoked from the parent is gone from the child.
import type { Capability } from '../caps/capability.ts';
import { OpenDirectory } from '../caps/directory.ts';
import { withoutLinks } from '../caps/links.ts';
import type { CapObject } from '../caps/object.ts';
import { absolute } from '../caps/path.ts';
import { PROCESS_RIGHT, type ProcessObject } from '../caps/process.ts';
import { PROGRAM_RIGHT, type ProgramObject } from '../caps/program.ts';
import { RIGHT } from '../caps/rights.ts';
import { AS_DIRECTORY } from '../hal/disk.ts';
import type { Program } from '../runtime/program.ts';
import type { ChildEnd, ChildRequest, Offspring, Place, SpawnErrno } from '../syscalls/caller.ts';
import { SpawnError } from './error.ts';
import type { Process } from './process.ts';
import type { ExitStatus } from './status.ts';

/** The first of the tree that a process is of: it has no parent. */
export function founder(process: Process): Process {
  let first = process;
  while (first.parent !== undefined) first = first.parent;
  return first;
}

const transferable = ({ rights }: Capability<CapObject>): boolean => (rights & RIGHT.transfer) !== 0;
const child = <T extends CapObject>(one: Capability<T>): Capability<T> => one.derive(one.rights, one.inheriting);

export class GuestOffspring implements Offspring {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  spawn({ program, args, environment, streams, cwd }: ChildRequest): number | SpawnErrno {
    const { capabilities, kernel, limits } = this.#process;
    if (capabilities.handleRoom < 1) return 'AGAIN';
    const directories = this.#directories(cwd);
    if (typeof directories === 'string') return directories;
    const handles = [...capabilities.handles].filter((one) => one.object.kind !== 'process' && transferable(one)).map(child);
    try {
      const made = kernel.spawn({
        // Programs are the runtime's, which whoever calls knows nothing of.
        program: (program.object as ProgramObject<Program>).program,
        parent: this.#process,
        args,
        environment: variables(environment),
        descriptors: [...streams.map(child), ...directories],
        handles,
        // Its parent's clock on the wall is over when it is over; its bounds nest.
        limits: { ...limits, timeoutNs: undefined, soft: {} },
        task: 'command',
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

  /** Those that the parent was given, and the working directory: the parent's, unless the child is told of another. */
  #directories(cwd: Place | undefined): Capability[] | SpawnErrno {
    const given = this.#given;
    if (cwd === undefined) return given.map(child);
    const { through, directory, rest, path } = cwd;
    const opened = directory.open(rest, AS_DIRECTORY);
    if (typeof opened === 'string') return opened as SpawnErrno;
    if (opened.kind !== 'directory') return 'NOTDIR';
    const current = through.open(new OpenDirectory(opened, path), through.rights, through.inheriting, '.');
    return [...given.filter(({ preopen }) => preopen !== '.').map(child), current];
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
