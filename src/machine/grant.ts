// Grants: what a process is given, from how people write it to capabilities. Nothing is given that is not named here.

import { Capability } from '../caps/capability.ts';
import { CoarseClock, clockRoot } from '../caps/clock.ts';
import { policyRoot } from '../caps/confinement.ts';
import { OpenDirectory } from '../caps/directory.ts';
import { entropyRoot } from '../caps/entropy.ts';
import { type HostFunctionObject, hostFunctionRoot } from '../caps/hostfunction.ts';
import { withoutLinks } from '../caps/links.ts';
import type { CapObject } from '../caps/object.ts';
import { absolute } from '../caps/path.ts';
import { programRoot } from '../caps/program.ts';
import type { RegionObject } from '../caps/region.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, READ_ACCESS, READ_ONLY, RIGHT } from '../caps/rights.ts';
import { consoleRoot, threadsRoot } from '../caps/token.ts';
import type { Clock } from '../hal/clock.ts';
import type { Console } from '../hal/console.ts';
import { AS_DIRECTORY, type Directory } from '../hal/disk.ts';
import type { Devices, Hal } from '../hal/hal.ts';
import { RamDisk } from '../hal/ramdisk.ts';
import { dropAll } from '../kernel/grants.ts';
import { type DevicesGiven, devices, type Permit } from '../kernel/vfs/device.ts';
import { SuperosError } from './error.ts';
import { formatGrant, TEMPORARY_BYTES } from './grammar.ts';
import type { DirectoryGrant, Grant, TemporaryGrant } from './grants.ts';
import { endpointRoot, preopenedListener } from './network.ts';
import type { LoadedPolicy, LoadedProgram } from './order.ts';
import { parseSize } from './units.ts';

const TEMPORARY_ENTRIES = 65_536;
/** Two trees never show the same device number; host file systems have theirs below. */
let nextDevice = 1n << 40n;

export interface Granted {
  /** What the grantor keeps: see the kernel's grants. */
  readonly roots: readonly Capability<CapObject>[];
  /** From 3 on. */
  readonly descriptors: readonly Capability[];
  readonly handles: readonly Capability<CapObject>[];
}

/** What grants are made of. */
export interface Granting {
  readonly hal: Hal;
  /** There where a grant takes any. */
  readonly devices: Devices | undefined;
  /** The machine's own streams. */
  readonly console: () => Console;
  /** The process has the machine's own input and output. */
  readonly hasConsole: boolean;
  /** The functions of the embedder that may be among the grants. */
  readonly functions: readonly HostFunctionObject[];
  /** The regions among the grants, in their order: what makes a root of each. */
  readonly regions: readonly (() => Capability<RegionObject>)[];
  /** The programs among the grants, loaded. */
  readonly programs: readonly LoadedProgram[];
  /** The policies among the grants, read. */
  readonly policies: readonly LoadedPolicy[];
  /** A directory among those given. */
  readonly cwd: string | undefined;
  /** Whether walks follow symbolic links by themselves. */
  readonly links: boolean;
}

/** Whether the grant is of something that the host's devices open. */
export const takesDevices = (grant: Grant): boolean =>
  typeof grant === 'object' ? 'dir' in grant || 'net' in grant : grant === 'filesystem' || grant === 'network';

/** Opens what is named. Throws SuperosError, and then nothing stays open. */
export function grant(grants: readonly Grant[], granting: Granting): Granted {
  const grantor = new Grantor(granting);
  try {
    for (const one of grants) grantor.give(one);
    grantor.finish(grants.includes('filesystem'));
    grantor.descriptors.push(...grantor.listeners);
    return grantor;
  } catch (error) {
    dropAll([...grantor.descriptors, ...grantor.listeners, ...grantor.handles, ...grantor.roots]);
    throw error;
  }
}

class Grantor implements Granted {
  readonly roots: Capability<CapObject>[] = [];
  readonly descriptors: Capability[] = [];
  readonly handles: Capability<CapObject>[] = [];
  readonly #granting: Granting;
  /** They come after all directories: C libraries take the first descriptor that is none for the end of what is preopened. */
  readonly listeners: Capability[] = [];
  /** Given so far. */
  #regions = 0;
  /** The grant that /dev comes with. */
  #devices: string | undefined;

  constructor(granting: Granting) {
    this.#granting = granting;
  }

  give(grant: Grant): void {
    const { hal } = this.#granting;
    const name = formatGrant(grant);
    if (typeof grant === 'object') this.#giveNamed(grant, name);
    else if (grant === 'clock') this.#handle(clockRoot(hal.clock, name));
    else if (grant === 'clock:coarse') this.#handle(clockRoot(new CoarseClock(hal.clock), name));
    else if (grant === 'random') this.#handle(entropyRoot(hal.entropy, name));
    else if (grant === 'threads') this.#handle(threadsRoot(name));
    else if (grant === 'console') this.#handle(consoleRoot(name));
    else if (grant === 'filesystem') this.#descriptor(hostDirectory(this.#granting, { dir: process.cwd() }, name));
    else if (grant === 'network') this.#network(grant, name);
    if (grant === 'dev' || grant === 'filesystem') this.#devices ??= name;
  }

  /** What the grants make together: the working directory, and /dev. */
  finish(filesystem: boolean): void {
    const cwd = this.#granting.cwd ?? (filesystem ? process.cwd() : undefined);
    if (cwd !== undefined) this.descriptors.push(workingDirectory(this.#directories, cwd));
    const console = this.#find('terminal');
    const name = this.#devices ?? console?.name;
    if (name === undefined) return;
    const entropy = this.#find('entropy');
    const given: DevicesGiven = {
      entropy: entropy && { source: this.#granting.hal.entropy, permit: entropy },
      terminal: this.#terminal(console),
    };
    this.#descriptor(preopen(devices(given), '/dev', undefined, name));
  }

  #giveNamed(grant: Exclude<Grant, string>, name: string): void {
    if ('dir' in grant) this.#descriptor(hostDirectory(this.#granting, grant, name));
    else if ('tmp' in grant) this.#descriptor(temporary(this.#granting, this.#clock, grant, name));
    else if ('net' in grant) this.#network(grant, name);
    else if ('region' in grant) this.#giveRegion(name);
    else if ('function' in grant) this.#giveFunction(grant.function, name);
    else if ('policy' in grant) this.#givePolicy(grant.policy, name);
    else this.#giveProgram(grant.program, name);
  }

  #givePolicy(wanted: string, name: string): void {
    const found = this.#granting.policies.find((one) => one.name === wanted);
    if (found === undefined) this.#refuse(name);
    else this.#handle(policyRoot(found.confinement, name));
  }

  #giveProgram(path: string, name: string): void {
    const found = this.#granting.programs.find((one) => one.path === path);
    if (found === undefined) this.#refuse(name);
    else this.#handle(programRoot(found.program, name, path));
  }

  #giveRegion(name: string): void {
    const make = this.#granting.regions[this.#regions++];
    if (make === undefined) this.#refuse(name);
    else this.#handle(make());
  }

  #giveFunction(wanted: string, name: string): void {
    const found = this.#granting.functions.find(({ function: one }) => one === wanted);
    if (found === undefined) this.#refuse(name);
    else this.#handle(hostFunctionRoot(found, name));
  }

  #network(grant: Parameters<typeof endpointRoot>[1], name: string): void {
    const root = endpointRoot(this.#granting.devices!.net, grant, name);
    this.#handle(root);
    const listener = preopenedListener(root, name);
    if (listener !== undefined) this.listeners.push(listener);
  }

  #refuse(name: string): never {
    throw new SuperosError('not-supported', `${name} cannot be given so`);
  }

  /** A tree in memory shows when it changed by the clock that the process has. */
  get #clock(): Clock {
    const { clock } = this.#granting.hal;
    return this.roots.some(({ name }) => name === 'clock') ? clock : new CoarseClock(clock);
  }

  get #directories(): readonly Capability[] {
    return this.roots.filter((one): one is Capability => one.object instanceof OpenDirectory);
  }

  #find(kind: string): Capability<CapObject> | undefined {
    return this.roots.find(({ object }) => object.kind === kind);
  }

  /** The machine's terminal by name is for a process that has both its directions anyway, or was given it. */
  #terminal(permit: Permit | undefined): DevicesGiven['terminal'] {
    if (permit === undefined && !this.#granting.hasConsole) return undefined;
    const { stdin, stdout } = this.#granting.console();
    return stdin.type === 'terminal' ? { input: stdin, output: stdout, permit } : undefined;
  }

  #descriptor(root: Capability): void {
    this.roots.push(root);
    this.descriptors.push(root.derive(root.rights, root.inheriting));
  }

  #handle(root: Capability<CapObject>): void {
    this.roots.push(root);
    this.handles.push(root.derive(root.rights, root.inheriting));
  }
}

type DirectoryRights = NonNullable<DirectoryGrant['rights']>;

function preopen(directory: Directory, at: string, granted: DirectoryRights = ['read', 'write'], name?: string): Capability {
  let rights = DIRECTORY_RIGHTS | FILE_RIGHTS | RIGHT.transfer;
  if (!granted.includes('write')) rights &= READ_ONLY | RIGHT.transfer;
  if (!granted.includes('read')) rights &= ~READ_ACCESS;
  return new Capability(new OpenDirectory(directory, at), rights & (DIRECTORY_RIGHTS | RIGHT.transfer), rights, at, name);
}

function hostDirectory({ devices, links }: Granting, { dir, at, rights }: DirectoryGrant, name: string): Capability {
  if (rights?.length === 0)
    throw new SuperosError('invalid-argument', `the directory ${dir} is given without a right: read, write or both`);
  const opened = devices!.disk.open(dir, links);
  if (typeof opened !== 'string') return preopen(opened, at ?? dir, rights, name);
  if (opened === 'NOENT') throw new SuperosError('not-found', `there is no directory ${dir}`);
  if (opened === 'NOTDIR') throw new SuperosError('invalid-argument', `${dir} is not a directory`);
  if (opened === 'NOTSUP')
    throw new SuperosError('not-supported', `this host gives no safe way to open the directory ${dir}: see superos doctor`);
  throw new SuperosError('invalid-argument', `the directory ${dir} cannot be opened: E${opened}`);
}

function temporary({ links }: Granting, clock: Clock, { tmp, size = TEMPORARY_BYTES }: TemporaryGrant, name: string): Capability {
  const root = new RamDisk({ clock, device: nextDevice++, bytes: parseSize(size), entries: TEMPORARY_ENTRIES }).open('/', links);
  if (typeof root === 'string') throw new SuperosError('no-memory', `an empty tree for ${tmp} cannot be made: E${root}`);
  return preopen(root, tmp, undefined, name);
}

/** The directory that the guest knows as `.`: what `cwd` leads to among the directories it is given, with no more rights. */
function workingDirectory(directories: readonly Capability[], cwd: string): Capability {
  const wanted = cwd.replace(/\/+$/, '') || '/';
  let best: Capability | undefined;
  for (const one of directories) {
    const name = one.preopen?.replace(/\/+$/, '') ?? '';
    if ((wanted === name || wanted.startsWith(`${name}/`)) && name.length >= (best?.preopen?.length ?? -1)) best = one;
  }
  if (best === undefined)
    throw new SuperosError('invalid-argument', `--cwd ${cwd} lies in none of the directories given: add --dir`);
  const rest = wanted.slice(best.preopen?.replace(/\/+$/, '').length).replace(/^\/+/, '');
  const { directory } = best.object;
  // One that walks follow no link from is told where it leads.
  const led = directory && withoutLinks(directory, rest === '' ? '.' : rest, true);
  const opened = typeof led === 'object' ? directory?.open(led.path, AS_DIRECTORY) : led;
  if (opened === undefined || typeof opened === 'string' || opened.kind !== 'directory') {
    throw new SuperosError('not-found', `--cwd ${cwd} cannot be opened: E${typeof opened === 'string' ? opened : 'NOTDIR'}`);
  }
  return best.open(
    new OpenDirectory(opened, absolute(best.object.path, typeof led === 'object' ? led.path : rest)),
    best.rights,
    best.inheriting,
    '.',
  );
}
