// The threads of a machine: kernels, those kept for processes with a thread of their own, and the loader of programs. Loaded
// only by a machine that has any.
import type { Auditor } from '../../caps/audit.ts';
import type { Hal } from '../../hal/hal.ts';
import { nodeHost } from '../../hal/node/host.ts';
import { HostThread } from '../../hal/node/thread.ts';
import { endTickLine, tickLine } from '../../hal/node/tick.ts';
import type { PidShare } from '../../kernel/pid.ts';
import type { Program } from '../../runtime/program.ts';
import type { HostFunctions } from '../hostfunction.ts';
import { DEDICATED_MAX, pidShare } from '../pids.ts';
import { HearingAuditor, newCount } from './audited.ts';
import { ThreadCpu } from './cpu.ts';
import { DedicatedPool } from './dedicated.ts';
import { KernelThread } from './host.ts';
import { LoaderThread } from './programs.ts';
import type { KernelStart, LoaderStart } from './protocol.ts';

const NS_PER_MS = 1e6;
const ENTRY = new URL('./worker.ts', import.meta.url);

export interface ThreadsOptions {
  readonly cpus: number;
  /** Directories that no guest may reach. */
  readonly protect: readonly string[];
  /** Where rewritten programs are kept. */
  readonly cache: string | undefined;
  /** Threads that wait for processes with a thread of their own. */
  readonly spare: number;
  readonly quantumNs: number;
  /** Name servers to ask instead of the host's resolver. */
  readonly dns: readonly string[] | undefined;
  readonly functions: HostFunctions;
  readonly auditor: Auditor | undefined;
}

export class Threads {
  readonly cpus: readonly ThreadCpu[];
  readonly dedicated: DedicatedPool;
  readonly loader: LoaderThread;
  readonly #protect: readonly string[];
  readonly #host: Hal['host'] = nodeHost();
  readonly #kernels: number;
  readonly #quantumNs: number;
  readonly #dns: readonly string[] | undefined;
  readonly #functions: HostFunctions;
  readonly #auditor: Auditor | undefined;

  constructor({ cpus, protect, cache, spare, quantumNs, dns, functions, auditor }: ThreadsOptions) {
    this.#functions = functions;
    this.#auditor = auditor;
    this.#protect = protect;
    this.#quantumNs = quantumNs;
    this.#dns = dns;
    this.#kernels = Math.max(1, cpus);
    this.cpus = Array.from(
      { length: cpus },
      (_, k) => new ThreadCpu(pidShare(k, cpus), (pids) => this.#start(`superos cpu ${k}`, pids, false)),
    );
    const shares = Array.from({ length: DEDICATED_MAX }, (_, k) => pidShare(this.#kernels + k, cpus));
    this.dedicated = new DedicatedPool(shares, spare, (pids, rehearsal) =>
      this.#start('superos dedicated', pids, true, rehearsal),
    );
    const start: LoaderStart = { role: 'loader', cache };
    this.loader = new LoaderThread((events) => new HostThread({ entry: ENTRY, name: 'superos loader', data: start, events }));
  }

  #start(name: string, pids: PidShare, alone: boolean, rehearsal?: Program): KernelThread {
    const busy = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
    const heard = newCount();
    const tick = tickLine(this.#quantumNs / NS_PER_MS);
    const start: KernelStart = {
      role: 'kernel',
      pids,
      tick,
      quantumNs: this.#quantumNs,
      processesMax: alone ? 1 : Math.max(1, Math.floor(this.#host.processesMax / this.#kernels)),
      protect: this.#protect,
      dns: this.#dns,
      heard: this.#auditor && heard,
      alone,
      rehearsal,
      busy,
    };
    return new KernelThread(
      (events) => new HostThread({ entry: ENTRY, name, data: start, events, over: () => endTickLine(tick) }),
      new Float64Array(busy),
      alone,
      this.#functions,
      this.#auditor && new HearingAuditor(this.#auditor, heard),
    );
  }
}
