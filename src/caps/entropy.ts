// Randomness as an object.
import type { Entropy } from '../hal/entropy.ts';
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT, readable } from './rights.ts';
import type { CapTable } from './table.ts';

export class EntropyObject extends CapObject {
  readonly kind = 'entropy';
  readonly entropy: Entropy;

  constructor(entropy: Entropy) {
    super();
    this.entropy = entropy;
  }
}

/** What a process draws random bytes from: the first that it may. */
export const entropyOf = (table: CapTable): Capability<EntropyObject> | undefined =>
  table.find<EntropyObject>('entropy', readable);

/** The right to draw random bytes. */
export const entropyRoot = (entropy: Entropy, name = 'random'): Capability<EntropyObject> =>
  new Capability(new EntropyObject(entropy), RIGHT.read | RIGHT.transfer, 0, undefined, name);
