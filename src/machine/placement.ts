// Where a process goes among the CPUs of a machine.
import type { MachineCpu } from './cpu.ts';
import type { Order } from './order.ts';

export class Placement {
  readonly #cpus: readonly MachineCpu[];
  /** Where those run that read the host's standard input: what one has waited for, the next must find. */
  #inputCpu: MachineCpu | undefined;
  #turn = 0;

  constructor(cpus: readonly MachineCpu[]) {
    this.#cpus = cpus;
  }

  /** The CPU with the fewest processes; among equals each in turn. */
  place({ stdio }: Order): MachineCpu {
    if (stdio[0] === 'inherit' && this.#inputCpu !== undefined) return this.#inputCpu;
    const count = this.#cpus.length;
    const first = this.#turn++ % count;
    let least = this.#cpus[first]!;
    for (let i = 1; i < count; i++) {
      const other = this.#cpus[(first + i) % count]!;
      if (other.load < least.load) least = other;
    }
    if (stdio[0] === 'inherit') this.#inputCpu = least;
    return least;
  }
}
