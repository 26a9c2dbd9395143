// From an order to a process of a kernel, on the thread that the kernel runs on: what the order names of the host is opened
// here. A launch that fails leaves nothing open.
import { Capability } from '../caps/capability.ts';
import { HostFunctionObject, type HostInvoke } from '../caps/hostfunction.ts';
import { RIGHT, streamRights } from '../caps/rights.ts';
import { OpenStream } from '../caps/stream.ts';
import type { Console, Stream } from '../hal/console.ts';
import type { Devices } from '../hal/hal.ts';
import { SpawnError } from '../kernel/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { looksAtPaths, type Watch } from '../kernel/policy/watch.ts';
import type { Process } from '../kernel/process.ts';
import type { Attendant } from './attendant.ts';
import { SuperosError, type SuperosErrorCode } from './error.ts';
import { grant } from './grant.ts';
import { heldRegions } from './held-regions.ts';
import type { Order, Stdio } from './order.ts';

const CODES: Partial<Record<SpawnError['errno'], SuperosErrorCode>> = {
  AGAIN: 'again',
  NOMEM: 'no-memory',
  NOEXEC: 'not-runnable',
};

/** What a launch needs beside its order. */
export interface Surroundings {
  /** The host's standard streams. */
  readonly console: () => Console;
  /** There where a grant of the order takes any. */
  readonly devices: Devices | undefined;
  /** Makes the process's end of a standard stream that is a pipe. */
  readonly pipe: (fd: number) => Capability;
  /** What calls a function of the embedder. */
  readonly invoke: (id: number) => HostInvoke;
  readonly attendant: Attendant;
  readonly onCharge?: (process: Process) => void;
}

/** Starts a process. Throws SuperosError. */
export function launch(kernel: Kernel, order: Order, around: Surroundings): Process {
  const { program, args, environment, grants, functions, regions, programs, policies, cwd, stdio, limits, nice, protect, task } =
    order;
  const watch = watchOf(order, around.attendant);
  const granted = grant(grants, {
    hal: kernel.hal,
    devices: around.devices,
    console: around.console,
    hasConsole: stdio[0] === 'inherit' && stdio[1] === 'inherit',
    functions: functions.map(({ id, name, signature }) => new HostFunctionObject(name, signature, around.invoke(id))),
    regions: regions.map((one) => () => heldRegions(kernel).grant(one)),
    programs,
    policies,
    cwd,
    links: watch === undefined || !looksAtPaths(watch),
  });
  const standard = stdio.map((how, fd) => (how === 'pipe' ? around.pipe(fd) : stream(how, fd, around.console)));
  try {
    return kernel.spawn({
      program,
      args,
      environment,
      descriptors: [...standard, ...granted.descriptors],
      handles: granted.handles,
      roots: granted.roots,
      limits,
      nice,
      protect,
      task,
      first: true,
      onSoftLimit: around.attendant.onSoftLimit,
      watch,
      ownPids: order.policy?.namespaces.pid ?? false,
      onCharge: around.onCharge,
    });
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    throw new SuperosError(CODES[error.errno] ?? 'invalid-argument', `${program.name}: ${error.message}`, { cause: error });
  }
}

/** Undefined where nothing is to be watched. */
function watchOf({ policy, enforce }: Order, attendant: Attendant): Watch | undefined {
  return policy === undefined && attendant.observe === undefined ? undefined : { policy, enforce, supervisor: attendant };
}

function stream(how: Exclude<Stdio, 'pipe'>, fd: number, console: () => Console): Capability {
  const chosen = how === 'null' ? NOTHING : new Kept(console()[how === 'stderr' ? how : STREAMS[fd]!]);
  return new Capability(new OpenStream(chosen), streamRights(chosen.type === 'terminal') | RIGHT.transfer);
}

const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

const NOTHING: Stream = {
  type: 'character-device',
  read: () => 0,
  write: (_from, _at, length) => length,
  ready: () => undefined,
  close: () => undefined,
};

/** A stream of the console, which outlives the processes that use it. */
class Kept implements Stream {
  readonly type: Stream['type'];
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.type = stream.type;
    this.#stream = stream;
  }

  read(into: Uint8Array, at: number, length: number): ReturnType<Stream['read']> {
    return this.#stream.read(into, at, length);
  }
  write(from: Uint8Array, at: number, length: number): ReturnType<Stream['write']> {
    return this.#stream.write(from, at, length);
  }
  ready(event: 'read' | 'write'): ReturnType<Stream['ready']> {
    return this.#stream.ready(event);
  }
  close(): void {}
}

/** Milliseconds that output of a process that was ended by force may take to be written. */
const GRACE_MS = 250;

/** Closes a console once what was written to it is written. `forced`: its reader may never read on, and is waited for for a moment only. */
export async function closeConsole({ stdin, stdout, stderr }: Console, forced: boolean): Promise<void> {
  const drained = Promise.all([stdout.ready('write'), stderr.ready('write')]);
  if (forced) await within(GRACE_MS, drained);
  else await drained;
  // One that waits for input would keep the host from exiting.
  for (const stream of [stdin, stdout, stderr]) stream.close();
}

async function within(milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([done, over]);
  clearTimeout(timer);
}
