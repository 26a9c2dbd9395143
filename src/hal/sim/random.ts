// Numbers that look random and follow from a seed alone: xoshiro128** (Blackman, Vigna 2018), seeded by splitmix32. Never for
// secrets: whoever sees a few outputs knows the rest.

export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      this.#state[i] = mixed ^ (mixed >>> 16);
    }
    // The one state that never changes.
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** An integer in 0 .. 2^32 - 1. */
  next(): number {
    const state = this.#state;
    const [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    state[0] = a ^ d ^ b;
    state[1] = b ^ c ^ a;
    state[2] = c ^ a ^ (b << 9);
    state[3] = rotate(d ^ b, 11);
    return result;
  }

  /** An integer in 0 .. limit - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** True with this probability, 0 to 1. Draws nothing at 0, so that a fault that is off changes no run. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability * 2 ** 32;
  }

  /** Another generator, whose draws do not shift this one's. */
  fork(): Random {
    return new Random(this.next());
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
