// What a kernel on a thread has of the host, where others must know when it is used. They change nothing of what it does.
import type { Cpu } from '../../hal/cpu.ts';
import type { Tick } from '../../hal/tick.ts';

/** Tells when the kernel lets the host's event loop be served. */
export class WatchedCpu implements Cpu {
  readonly #cpu: Cpu;
  readonly #served: () => void;

  constructor(cpu: Cpu, served: () => void) {
    this.#cpu = cpu;
    this.#served = served;
  }

  defer(task: () => void): void {
    this.#cpu.defer(() => {
      this.#served();
      task();
    });
  }

  after(delayNs: number, task: () => void): ReturnType<Cpu['after']> {
    return this.#cpu.after(delayNs, task);
  }
}

/** Writes down when guests begin to run: a raw one may never let the kernel say anything again. */
export class WatchedTick implements Tick {
  readonly #tick: Tick;
  readonly #busy: Float64Array;

  constructor(tick: Tick, busy: Float64Array) {
    this.#tick = tick;
    this.#busy = busy;
  }

  get epoch(): WebAssembly.Memory {
    return this.#tick.epoch;
  }
  get words(): Int32Array {
    return this.#tick.words;
  }

  start(): void {
    this.#tick.start();
  }

  arm(): void {
    this.#busy[0] = Number(process.hrtime.bigint());
    this.#tick.arm();
  }

  acknowledge(): void {
    this.#tick.acknowledge();
  }

  interrupt(): void {
    this.#tick.interrupt();
  }

  close(): void {
    this.#tick.close();
  }
}
