// A policy as an object: who holds a capability on it may put the children that it starts under it, and cannot take that back.
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

/** The rights on a policy. */
export const POLICY_RIGHT = { apply: 1 << 0, transfer: RIGHT.transfer } as const;

/** `C`: what the policy means for a process, as whoever starts it has that. */
export class PolicyObject<C = unknown> extends CapObject {
  readonly kind = 'policy';
  readonly confinement: C;

  constructor(confinement: C) {
    super();
    this.confinement = confinement;
  }

  override get vocabulary(): typeof POLICY_RIGHT {
    return POLICY_RIGHT;
  }
}

export const policyRoot = <C>(confinement: C, name?: string): Capability<PolicyObject<C>> =>
  new Capability(new PolicyObject(confinement), POLICY_RIGHT.apply | POLICY_RIGHT.transfer, 0, undefined, name);
