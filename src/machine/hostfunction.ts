// Functions of the embedder that guests may call: each is a grant, and no guest finds it otherwise. Its arguments and result are
// numbers; bytes are read from the guest's memory and written to it by address.
import type { HostSignature, HostType, HostValue } from '../caps/hostfunction.ts';
import { KERNEL_MODULE } from '../runtime/kernel-module.ts';
import { TABLE } from '../syscalls/table.ts';
import { checkShape, shown } from './checks.ts';
import { SuperosError } from './error.ts';
import { canonicalGrant, formatGrant } from './grammar.ts';
import type { FunctionGrant, Grant } from './grants.ts';

type ValueOf<T extends HostType> = T extends 'i64' ? bigint : number;
export type HostArguments<P extends readonly HostType[]> = { -readonly [I in keyof P]: ValueOf<P[I]> };
export type HostResult<T extends HostType> = ValueOf<T> | Promise<ValueOf<T>>;

/** A call of a function, as the function sees it. */
export interface HostCall {
  /** Of the process that calls. */
  readonly pid: number;
  /** Aborted when the process ends before it has its answer. */
  readonly signal: AbortSignal;
  /** A copy of bytes of the process's memory. Rejects with SuperosError where it has no such bytes. */
  read(address: number, length: number): Promise<Uint8Array>;
  /** Rejects with SuperosError where the process has no such bytes. */
  write(address: number, bytes: Uint8Array): Promise<void>;
}

export type HostCallback = (call: HostCall, ...args: never[]) => unknown;

/** How the process that calls is reached from where the function is. */
export interface HostReach {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly done: Promise<unknown>;
  read(address: number, length: number): Promise<Uint8Array | undefined>;
  write(address: number, bytes: Uint8Array): Promise<boolean>;
}

/** What a kernel is told of a function that a process is given. */
export interface FunctionOrder {
  readonly id: number;
  readonly name: string;
  readonly signature: HostSignature;
}

/** What `machine.hostFunction` makes: to be given to a process as one of its capabilities. */
export class HostFunction implements FunctionGrant {
  /** `MODULE.FIELD`, as the guest imports it. */
  readonly function: string;
  readonly params: readonly HostType[];
  readonly results: readonly HostType[];

  constructor(name: string, { params, results }: HostSignature) {
    this.function = name;
    this.params = params;
    this.results = results;
  }
}

/** The functions of one machine. */
export class HostFunctions {
  readonly #numbers = new Map<HostFunction, number>();
  readonly #callbacks: HostCallback[] = [];

  /** Throws SuperosError. */
  add(name: string, signature: HostSignature, callback: HostCallback): HostFunction {
    canonicalGrant({ function: name });
    if (typeof signature !== 'object' || signature === null)
      throw new SuperosError('invalid-argument', `${name}: a signature is { params, results }, not ${shown(signature)}`);
    checkShape(`${name}: a signature`, signature, { params: TYPE_LIST, results: TYPE_LIST });
    if (typeof callback !== 'function')
      throw new SuperosError('invalid-argument', `${name}: a function is expected, not ${shown(callback)}`);
    const { params, results } = signature;
    const module = name.slice(0, name.indexOf('.'));
    if (MODULES.has(module)) throw new SuperosError('invalid-argument', `${name}: the imports of ${module} are system calls`);
    const made = new HostFunction(name, { params: [...params], results: [...results] });
    if (results.length > 1) throw new SuperosError('invalid-argument', `${name}: there is one result, or none`);
    this.#numbers.set(made, this.#callbacks.push(callback) - 1);
    return made;
  }

  /** What is told of the functions among grants. Throws SuperosError for one that is none of this machine's. */
  orders(grants: readonly Grant[]): FunctionOrder[] {
    const orders: FunctionOrder[] = [];
    for (const one of grants) {
      if (typeof one !== 'object' || !('function' in one)) continue;
      const id = one instanceof HostFunction ? this.#numbers.get(one) : undefined;
      if (id === undefined)
        throw new SuperosError(
          'invalid-argument',
          `${formatGrant(one)}: a function is given as the object that hostFunction of the same machine made`,
        );
      if (orders.some(({ name }) => name === one.function))
        throw new SuperosError('invalid-argument', `two functions are given as ${one.function}`);
      const { params, results } = one as HostFunction;
      orders.push({ id, name: one.function, signature: { params, results } });
    }
    return orders;
  }

  /** Calls a function for a process. May throw; what it gives may be anything, or a promise of it. */
  call(id: number, reach: HostReach, args: readonly HostValue[]): unknown {
    return this.#callbacks[id]!(new Call(reach), ...(args as never[]));
  }
}

const TYPES: ReadonlySet<unknown> = new Set<HostType>(['i32', 'i64', 'f32', 'f64']);
const TYPE_LIST = {
  fits: (value: unknown) => Array.isArray(value) && value.every((one) => TYPES.has(one)),
  expected: 'a list of types: i32, i64, f32 or f64',
};
const MODULES: ReadonlySet<string> = new Set([KERNEL_MODULE, ...Object.values(TABLE).map(({ abi }) => abi)]);

/** A grant as it is sent to a kernel: plain data. */
export function plainGrant(grant: Grant): Grant {
  if (grant instanceof HostFunction) return { function: grant.function };
  return typeof grant === 'object' && 'region' in grant ? { region: grant.region } : grant;
}

class Call implements HostCall {
  readonly #reach: HostReach;
  #controller: AbortController | undefined;

  constructor(reach: HostReach) {
    this.#reach = reach;
  }

  get pid(): number {
    return this.#reach.pid;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#reach.done.then(() => controller.abort(new SuperosError('ended', 'the process that called has ended')));
    }
    return this.#controller.signal;
  }

  async read(address: number, length: number): Promise<Uint8Array> {
    const bytes = length >= 0 ? await this.#reach.read(unsigned(address), length) : undefined;
    return bytes ?? absent(address, length);
  }

  async write(address: number, bytes: Uint8Array): Promise<void> {
    if (!(await this.#reach.write(unsigned(address), bytes))) absent(address, bytes.length);
  }
}

/** An address above 2 GiB arrives as a negative i32. */
const unsigned = (address: number): number => (address < 0 ? address >>> 0 : address);

function absent(address: number, length: number): never {
  throw new SuperosError('invalid-argument', `the process has no ${length} bytes at ${address}`);
}
