// A function of the embedder as an object: who holds a capability on it with the right to call may call it, with numbers alone.
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

/** The rights on a function. */
export const HOST_RIGHT = { call: 1 << 0, transfer: RIGHT.transfer } as const;

export type HostType = 'i32' | 'i64' | 'f32' | 'f64';
/** An i64 is a bigint. */
export type HostValue = number | bigint;

export interface HostSignature {
  readonly params: readonly HostType[];
  /** One or none. */
  readonly results: readonly HostType[];
}

/** The process that calls, as the function may know it. */
export interface HostCaller {
  readonly pid: number;
  /** Resolves once it has ended. */
  readonly done: Promise<unknown>;
  /** A copy; undefined where it has no such bytes. */
  read(address: number, length: number): Uint8Array | undefined;
  /** False where it has no such bytes. */
  write(address: number, bytes: Uint8Array): boolean;
}

/** Gives a result, or a promise of one, whatever it is: it is checked. May throw, or reject. */
export type HostInvoke = (caller: HostCaller, args: readonly HostValue[]) => unknown;

export class HostFunctionObject extends CapObject {
  readonly kind = 'function';
  /** `MODULE.FIELD`, as a guest imports it. */
  readonly function: string;
  readonly signature: HostSignature;
  readonly invoke: HostInvoke;

  constructor(name: string, signature: HostSignature, invoke: HostInvoke) {
    super();
    this.function = name;
    this.signature = signature;
    this.invoke = invoke;
  }

  override get vocabulary(): typeof HOST_RIGHT {
    return HOST_RIGHT;
  }
}

/** The right to call a function. */
export const hostFunctionRoot = (object: HostFunctionObject, name: string): Capability<HostFunctionObject> =>
  new Capability(object, HOST_RIGHT.call | HOST_RIGHT.transfer, 0, undefined, name);
