// Randomness as an object.
import type { Entropy } from '../hal/entropy.ts';
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

export class EntropyObject extends CapObject {
  readonly kind = 'entropy';
  readonly entropy: Entropy;

  constructor(entropy: Entropy) {
    super();
    this.entropy = entropy;
  }
}

/** The right to draw random bytes. */
export const entropyRoot = (entropy: Entropy, name = 'random'): Capability<EntropyObject> =>
  new Capability(new EntropyObject(entropy), RIGHT.read | RIGHT.transfer, 0, undefined, name);
