// Trees of processes on a simulated machine, in which a seed decides what each charges, starts, hands on, closes and how it ends.
// A model beside it knows from the operations alone what every account must say; the two are compared after every step.
import type { Capability } from '../../src/caps/capability.ts';
import { Random } from '../../src/hal/sim/random.ts';
import type { Account } from '../../src/kernel/account.ts';
import { SpawnError } from '../../src/kernel/error.ts';
import {
  DEFAULT_LIMITS,
  type Limits,
  PIPE_BYTES,
  RESOURCE,
  RESOURCES,
  type Resource,
  WASM_PAGE,
} from '../../src/kernel/limits.ts';
import type { Process } from '../../src/kernel/process.ts';
import type { Program } from '../../src/runtime/program.ts';
import { type Simulated, simulated, stream } from '../kernel/machine.ts';

const PAGES = 400;
const NODES_MAX = 40;
const N = RESOURCES.length;
const { memory: MEMORY, processes: PROCESSES, threads: THREADS, fds: FDS, pipes: PIPES, cpuNs: CPU } = RESOURCE;
/** Those that are given back. */
const HELD = [MEMORY, PROCESSES, THREADS, FDS, PIPES];
/** How often each thing happened; whoever runs a simulation sees that it was worth it. */
export type Tally = Record<string, number>;

/** A program that waits for ever, or ends at once. Its memory starts with so many pages. */
export interface Guest {
  readonly program: Program;
  readonly pages: number;
}

/** One end of a pipe: a descriptor of a process, or held by the test. */
interface End {
  readonly capability: Capability;
  holder: Process | undefined;
  slot: number;
  closed: boolean;
}

/** A process and its account, from start until nothing counts against it any more. */
interface Node {
  readonly name: number;
  readonly process: Process;
  readonly account: Account;
  readonly above: Node | undefined;
  readonly limits: Limits;
  readonly own: number[];
  /** Used by descendants whose accounts are gone. */
  readonly gone: number[];
  /** All of them and the descendants', while it is checked. */
  readonly total: number[];
  /** No descendant lives longer. */
  readonly deadlineNs: number;
  pipes: (readonly [End, End])[];
  below: number;
  reaped: boolean;
}

const alive = (end: End) => (end.holder === undefined ? !end.closed : end.holder.capabilities.slots[end.slot] === end.capability);

export class AccountSimulation {
  readonly tally: Tally = {};
  readonly #random: Random;
  readonly #machine: Simulated;
  readonly #guests: readonly Guest[];
  #nodes: Node[] = [];
  #names = 0;
  /** Ends of pipes that the test holds. */
  readonly #outside: End[] = [];

  constructor(seed: number, guests: readonly Guest[]) {
    this.#random = new Random(seed);
    this.#guests = guests;
    this.#machine = simulated({ seed, pages: PAGES, shuffle: true, faults: { noMemory: 0.01 } });
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const happened = this.#step();
      this.tally[happened] = (this.tally[happened] ?? 0) + 1;
      // Ends and starts take turns of the machine; in between it stands still, so that much is pending at once.
      if (step % 16 === 0) {
        await this.#settle();
        await this.#machine.hal.timeline.advance(this.#random.below(1e6));
      }
      this.#reapedItself(true);
      this.#check(`step ${step}, ${happened}`);
    }
    await this.#end();
  }

  #step(): string {
    const random = this.#random;
    const live = this.#nodes.filter(({ process }) => process.ending === undefined);
    const node = live[random.below(live.length)];
    if (node === undefined) return this.#spawn(undefined);
    switch (random.below(16)) {
      case 0:
        return this.#spawn(random.chance(0.3) ? undefined : node);
      case 1:
      case 2:
      case 3:
        return this.#grow(node, random.below(6));
      case 4:
      case 5:
        return this.#pipe(node, live);
      case 6:
      case 7:
        return this.#close(node);
      case 8:
        return this.#release();
      case 9:
      case 10:
        return this.#write(node, random.chance(0.5) ? 'output' : 'written', random.below(3000));
      case 11:
      case 12:
      case 13:
        return this.#charge(node, random.below(2e6) + random.below(1000) / 1000);
      case 14:
        return this.#reap();
      default:
        if (random.chance(0.7)) return this.#reap();
        node.process.signal('SIGKILL');
        return 'kill';
    }
  }

  #spawn(above: Node | undefined): string {
    const random = this.#random;
    const guest = this.#guests[random.below(this.#guests.length)]!;
    const limits = this.#limits();
    const descriptors = 1 + random.below(4);
    if (this.#nodes.length >= NODES_MAX) return 'full';
    const refused = this.#excess(above, PROCESSES, 1) || this.#excess(above, THREADS, 1) || this.#excess(above, FDS, descriptors);
    const asked = [0, 1, 1, descriptors, 0, 0, 0, 0].some((amount, resource) => amount > limits[RESOURCES[resource]!]);
    let process: Process;
    try {
      process = this.#machine.kernel.spawn({
        program: guest.program,
        ...(above !== undefined && { parent: above.process }),
        args: [],
        environment: new Map(),
        descriptors: Array.from({ length: descriptors }, () =>
          stream({ ready: () => new Promise(() => undefined), read: () => 'AGAIN' }),
        ),
        handles: [],
        limits,
        task: 'command',
      });
    } catch (error) {
      if (!(error instanceof SpawnError)) throw error;
      if (error.errno === 'NOMEM') return 'spawn: the host is full';
      if (!refused && !asked) throw new Error(`refused without need: ${error.message}`);
      return `spawn: ${error.errno}`;
    }
    if (refused || asked) throw new Error('a process was started beyond a limit');
    const own = new Array<number>(N).fill(0);
    own[PROCESSES] = 1;
    own[THREADS] = 1;
    own[FDS] = descriptors;
    const bytes = guest.pages * WASM_PAGE;
    const fits = bytes <= limits.memory && !this.#excess(above, MEMORY, bytes);
    if (fits !== (process.ending?.reason !== 'memory-limit')) throw new Error('a memory beyond a limit, or refused without need');
    if (fits) own[MEMORY] = bytes;
    if (above !== undefined) above.below++;
    const { account } = process;
    this.#nodes.push({
      name: this.#names++,
      process,
      account,
      above,
      limits,
      own,
      gone: new Array<number>(N).fill(0),
      total: new Array<number>(N).fill(0),
      deadlineNs: Math.min(
        above?.deadlineNs ?? Number.POSITIVE_INFINITY,
        this.#machine.hal.timeline.nowNs + (limits.timeoutNs ?? Number.POSITIVE_INFINITY),
      ),
      pipes: [],
      below: 0,
      reaped: false,
    });
    return fits ? 'spawn' : 'spawn: memory-limit';
  }

  #grow(node: Node, pages: number): string {
    const bytes = pages * WASM_PAGE;
    const has = node.own[MEMORY]! > 0 || node.process.memory.bytes.length > 0;
    const refused = this.#excess(node, MEMORY, bytes);
    const before = node.process.grow(0, pages);
    if (before < 0) return refused ? 'grow: over the limit' : has ? 'grow: the host is full' : 'grow: no memory';
    if (refused) throw new Error('memory grew beyond a limit');
    node.own[MEMORY]! += bytes;
    return 'grow';
  }

  /** A pipe, each end of which goes to its maker, to another process, or out of the machine. */
  #pipe(node: Node, live: readonly Node[]): string {
    const refused = this.#excess(node, PIPES, PIPE_BYTES);
    const made = node.process.pipe();
    if ((made === 'NFILE') !== refused) throw new Error('a pipe beyond a limit, or refused without need');
    if (made === 'NFILE') return 'pipe: over the limit';
    const ends = made.map((capability): End => ({ capability, holder: undefined, slot: -1, closed: false })) as [End, End];
    for (const end of ends) {
      const to = this.#random.chance(0.3) ? live[this.#random.below(live.length)]! : node;
      if (this.#random.chance(0.2)) this.#outside.push(end);
      else {
        const full = this.#excess(to, FDS, 1);
        const slot = to.process.capabilities.insert(end.capability);
        if ((slot === undefined) !== full) throw new Error('a descriptor beyond a limit, or refused without need');
        if (slot === undefined) this.#outside.push(end);
        else {
          end.holder = to.process;
          end.slot = slot;
          to.own[FDS]!++;
        }
      }
    }
    node.pipes.push(ends);
    return 'pipe';
  }

  #close(node: Node): string {
    const { capabilities } = node.process;
    const slot = this.#random.below(capabilities.slots.length);
    if (!capabilities.close(slot)) return 'close: none';
    node.own[FDS]!--;
    return 'close';
  }

  /** The test closes an end that it holds. */
  #release(): string {
    if (this.#outside.length === 0) return 'release: none';
    const [end] = this.#outside.splice(this.#random.below(this.#outside.length), 1) as [End];
    end.closed = true;
    end.capability.drop();
    return 'release';
  }

  #write({ process, account, own }: Node, what: 'output' | 'written', bytes: number): string {
    const allowed = Math.min(bytes, account.writable(what));
    if (allowed === 0) {
      process.overflow(what);
      return `${what}: over the limit`;
    }
    own[RESOURCE[what]]! += allowed;
    account.wrote(what, allowed);
    return process.ending === undefined ? what : `${what}: over the soft limit`;
  }

  #charge(node: Node, ns: number): string {
    const leftNs = node.process.cpuLeftNs;
    node.own[CPU]! += Math.round(ns);
    node.process.charge(ns);
    const { ending } = node.process;
    // What is left until something happens is exactly that, unless another's soft limit comes first.
    if (ending !== undefined && Math.round(ns) < leftNs) throw new Error('ended before its CPU time was used up');
    for (let one: Node | undefined = node; one !== undefined; one = one.above) {
      if (one.account.used(CPU) >= one.limits.cpuNs && ending === undefined) throw new Error('it runs on without CPU time');
    }
    return ending === undefined ? 'cpu' : `cpu: ${ending.reason}`;
  }

  /** Whom nobody may wait for, as its parent is over, the kernel reaps itself: soon after its end. */
  #reapedItself(soon: boolean): void {
    for (const node of this.#nodes) {
      const { process, above, reaped } = node;
      if (reaped || process.status === undefined || above?.process.status === undefined) continue;
      if (this.#machine.kernel.process(process.pid) !== process) {
        node.reaped = true;
        node.own[PROCESSES] = 0;
      } else if (!soon) throw new Error(`${node.name} was not reaped`);
    }
  }

  #reap(): string {
    const ended = this.#nodes.filter(({ process, reaped }) => process.status !== undefined && !reaped);
    const node = ended[this.#random.below(ended.length)];
    if (node === undefined) return 'reap: none';
    this.#machine.kernel.reap(node.process);
    this.#machine.kernel.reap(node.process);
    node.reaped = true;
    node.own[PROCESSES] = 0;
    return 'reap';
  }

  /** Bounds small enough to be reached. */
  #limits(): Limits {
    const random = this.#random;
    const some = (most: number) => (random.chance(0.4) ? Number.POSITIVE_INFINITY : random.below(most));
    const hard: Record<Resource, number> = {
      memory: some(60) * WASM_PAGE,
      processes: some(12),
      threads: some(14),
      fds: some(40),
      pipes: some(12) * PIPE_BYTES,
      output: some(40_000),
      written: some(40_000),
      cpuNs: some(60e6),
    };
    const soft: Partial<Record<Resource, number>> = {};
    for (const resource of RESOURCES) if (random.chance(0.1)) soft[resource] = Math.floor(Math.min(hard[resource], 1e6) / 2);
    return { ...DEFAULT_LIMITS, ...hard, soft, timeoutNs: random.chance(0.1) ? 1e6 + random.below(50e6) : undefined };
  }

  /** Whether so much more would be beyond a bound, as far as the model knows. */
  #excess(node: Node | undefined, resource: number, amount: number): boolean {
    for (let one = node; one !== undefined; one = one.above) {
      if (this.#total(one, resource) + amount > one.limits[RESOURCES[resource]!]) return true;
    }
    return false;
  }

  #total(node: Node, resource: number): number {
    this.#settleOwn();
    let total = 0;
    for (const one of this.#nodes) {
      for (let up: Node | undefined = one; up !== undefined; up = up.above) {
        if (up !== node) continue;
        total += one.own[resource]! + one.gone[resource]!;
        break;
      }
    }
    return total;
  }

  /** What follows from ends that nobody here caused at that moment. */
  #settleOwn(): void {
    for (const node of this.#nodes) {
      node.pipes = node.pipes.filter((ends) => ends.some(alive));
      node.own[PIPES] = node.pipes.length * PIPE_BYTES;
      if (node.process.status === undefined) continue;
      node.own[MEMORY] = 0;
      node.own[FDS] = 0;
      node.own[THREADS] = 0;
    }
  }

  #check(when: string): void {
    this.#settleOwn();
    const nodes = this.#nodes;
    for (const { own, gone, total } of nodes) for (let i = 0; i < N; i++) total[i] = own[i]! + gone[i]!;
    // A process comes after the one above it.
    for (let at = nodes.length - 1; at >= 0; at--) {
      const { above, total } = nodes[at]!;
      if (above !== undefined) for (let i = 0; i < N; i++) above.total[i]! += total[i]!;
    }
    for (const node of nodes) this.#checkNode(node, when);
    this.#forget();
  }

  #checkNode({ name, account, limits, own, total, process, deadlineNs }: Node, when: string): void {
    for (const resource of RESOURCES) {
      const number = RESOURCE[resource];
      const [used, expected] = [account.used(number), total[number]!];
      if (used !== expected || account.own(number) !== own[number]) {
        throw new Error(
          `${when}: ${resource} of ${name} is ${account.own(number)} of ${used}, expected ${own[number]} of ${expected}`,
        );
      }
      const { peak } = account.standing(number);
      if (used < 0 || used > peak) throw new Error(`${when}: ${resource} of ${name} is ${used}, its peak ${peak}`);
      if (resource !== 'cpuNs' && used > limits[resource])
        throw new Error(`${when}: ${resource} of ${name} is ${used}, over its limit`);
    }
    const ended = process.status !== undefined;
    if (!ended && process.capabilities.size !== own[FDS]) throw new Error(`${when}: ${name} has other descriptors`);
    if (process.ending === undefined && deadlineNs <= this.#machine.hal.timeline.nowNs)
      throw new Error(`${when}: ${name} is late`);
  }

  /** Accounts that nothing counts against any more; what they used stays with those above. */
  #forget(): void {
    this.#nodes = this.#nodes.filter((node) => {
      const gone = node.reaped && node.below === 0 && HELD.every((resource) => node.own[resource] === 0);
      if (gone && node.above !== undefined) {
        for (const [resource, amount] of node.own.entries()) node.above.gone[resource]! += amount + node.gone[resource]!;
        node.above.below--;
      }
      return !gone;
    });
  }

  /** Whoever is to run or to end does, in no time. */
  async #settle(): Promise<void> {
    const running = () => this.#nodes.some(({ process }) => process.status === undefined && process.state !== 'blocked');
    do await this.#machine.hal.timeline.advance(0);
    while (running());
  }

  /** Ends all that lives: then nothing is held. */
  async #end(): Promise<void> {
    const { hal, kernel } = this.#machine;
    for (const { process } of this.#nodes) {
      process.signal('SIGKILL');
      await this.#settle();
    }
    this.#reapedItself(false);
    for (const node of this.#nodes) {
      kernel.reap(node.process);
      node.reaped = true;
      node.own[PROCESSES] = 0;
    }
    while (this.#outside.length > 0) this.#release();
    for (const { name, account } of this.#nodes) {
      for (const resource of HELD)
        if (account.used(resource as typeof FDS) !== 0) throw new Error(`${name} still holds ${RESOURCES[resource]}`);
    }
    this.#check('the end');
    const left = [[...kernel.processes].length, hal.mmu.live, PAGES - hal.mmu.pagesFree];
    if (left.some((count) => count !== 0)) throw new Error(`${left.join(', ')} processes, memories, pages are left`);
  }
}
