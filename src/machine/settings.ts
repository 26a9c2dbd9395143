// What a machine is booted with, and what its settings come to on this host.

import { existsSync } from 'node:fs';
import type { Auditor } from '../caps/audit.ts';
import { PORT_MAX } from '../caps/pattern.ts';
import { parseAddress } from '../hal/address.ts';
import type { CodeCache } from '../hal/cache.ts';
import type { Hal } from '../hal/hal.ts';
import { nodeHal } from '../hal/node/hal.ts';
import { QUANTUM_NS } from '../kernel/limits.ts';
import { shown } from './checks.ts';
import { SuperosError } from './error.ts';
import type { Threads, ThreadsOptions } from './thread/threads.ts';
import { parseTime } from './units.ts';

export interface MachineOptions {
  /** Threads that run kernels; as many as this host has cores by default. 0: the kernel runs on the thread that boots it. */
  readonly cpus?: number;
  /** Threads kept ready for processes with a thread of their own: from the first such process on 2, or as many as said here from the start. */
  readonly spare?: number;
  /** How long a thread runs before others, and the embedder's event loop, have their turn: `5ms` by default, 1 ms to 1 s; a number is milliseconds. */
  readonly quantum?: string | number;
  /** Name servers (`ADDRESS` or `ADDRESS:PORT`) that are asked for the addresses of names; by default this host's resolver is. */
  readonly dns?: readonly string[];
  /** The hardware; this host's by default. Another one is there for the thread that boots the machine only: `cpus` is 0 with it. */
  readonly hal?: Hal;
  /** Where rewritten programs are kept between runs; nowhere by default. Threads open its directory themselves. */
  readonly cache?: CodeCache;
  /** Files and directories of this host that no guest reaches, whatever directories it is given, such as policies. */
  readonly protect?: readonly string[];
  /** Told of every refusal and change of capabilities: the path of an audit log, which no guest reaches, or an auditor. */
  readonly audit?: string | Auditor;
}

const CPUS_MAX = 256;
const SPARE = 2;
const SPARE_MAX = 16;

const cores = (): number => process.getBuiltinModule('node:os').availableParallelism();

/** What no guest reaches: the machine's own cache, the log that tells of guests, and what the embedder says. */
const protectedBy = ({ cache, audit, protect = [] }: MachineOptions): readonly string[] => [
  ...(cache?.directory === undefined ? [] : [cache.directory]),
  ...(typeof audit === 'string' ? [audit] : []),
  ...protect,
];

export async function startThreads(settings: ThreadsOptions): Promise<Threads> {
  const { Threads } = await import('./thread/threads.ts');
  return new Threads(settings);
}

/** What the options come to for threads. Throws SuperosError. */
export function settingsOf(options: MachineOptions): Omit<ThreadsOptions, 'functions' | 'auditor'> {
  const { hal, cpus = hal === undefined ? cores() : 0, spare = SPARE, dns } = options;
  const quantumNs = quantumOf(options.quantum);
  checkCount('cpus', cpus);
  checkCount('spare', spare);
  checkDns(dns);
  checkProtect(options.protect);
  if (hal !== undefined && cpus + (options.spare ?? 0) > 0)
    throw new SuperosError('invalid-argument', 'a HAL is there for the thread that made it: cpus and spare are 0 with one');
  return { cpus, spare, cache: options.cache?.directory, protect: protectedBy(options), quantumNs, dns };
}

const NS_PER_MS = 1e6;
const QUANTUM_NS_MAX = 1000 * NS_PER_MS;

function quantumOf(quantum: string | number | undefined): number {
  if (quantum === undefined) return QUANTUM_NS;
  const ns = parseTime(quantum, 'ms');
  if (ns >= NS_PER_MS && ns <= QUANTUM_NS_MAX) return ns;
  throw new SuperosError('invalid-argument', `a quantum is from 1 ms to 1 s, not ${quantum}`);
}

/** This host, without what no guest reaches. */
export const hardware = (options: MachineOptions, quantumNs: number): Hal =>
  nodeHal({ disk: { protect: protectedBy(options) }, net: { servers: options.dns }, quantumMs: quantumNs / NS_PER_MS });

/** Throws SuperosError unless each is a file or a directory that is there. */
function checkProtect(paths: readonly string[] | undefined): void {
  if (paths === undefined) return;
  if (!Array.isArray(paths)) throw new SuperosError('invalid-argument', `protect is a list of paths, not ${shown(paths)}`);
  for (const path of paths)
    if (typeof path !== 'string' || !existsSync(path))
      throw new SuperosError('not-found', `there is nothing to protect at ${shown(path)}`);
}

/** Throws SuperosError unless each is an address, with or without a port. */
function checkDns(servers: readonly string[] | undefined): void {
  if (servers === undefined) return;
  if (!Array.isArray(servers)) throw new SuperosError('invalid-argument', `dns is a list of addresses, not ${shown(servers)}`);
  for (const server of servers)
    if (!isServer(server))
      throw new SuperosError('invalid-argument', `dns: ADDRESS, ADDRESS:PORT or [IPV6]:PORT is expected, not ${shown(server)}`);
}

function isServer(server: unknown): boolean {
  if (typeof server !== 'string') return false;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
  const address = bracketed ?? plain ?? server;
  const isPort = port === undefined || (Number(port) > 0 && Number(port) <= PORT_MAX);
  return isPort && parseAddress(address) !== undefined;
}

/** Throws SuperosError unless `given` is a whole number from 0 to the most there can be. */
function checkCount(name: 'cpus' | 'spare', given: number): void {
  const most = name === 'cpus' ? CPUS_MAX : SPARE_MAX;
  if (!(Number.isInteger(given) && given >= 0 && given <= most))
    throw new SuperosError('invalid-argument', `${name} is a whole number from 0 to ${most}, not ${given}`);
}
