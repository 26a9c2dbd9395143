// Simulated ticks: the word is always set, so that every check asks the kernel, which decides by simulated time.
import type { Tick } from '../tick.ts';

export class SimTick implements Tick {
  #epoch: WebAssembly.Memory | undefined;

  get epoch(): WebAssembly.Memory {
    if (this.#epoch === undefined) {
      this.#epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      new Int32Array(this.#epoch.buffer)[0] = 1;
    }
    return this.#epoch;
  }
  get words(): Int32Array {
    return new Int32Array(this.epoch.buffer);
  }
  start(): void {}
  arm(): void {}
  acknowledge(): void {}
  interrupt(): void {}
  close(): void {}
}
