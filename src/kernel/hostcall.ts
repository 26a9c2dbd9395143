// Calls of functions of the embedder: what a guest imports for one that its process holds a capability on. Nothing of the
// embedder's is thrown into a guest: what goes wrong with its function ends the process.
import type { Capability } from '../caps/capability.ts';
import { HOST_RIGHT, type HostCaller, type HostFunctionObject, type HostType, type HostValue } from '../caps/hostfunction.ts';
import type { CapTable } from '../caps/table.ts';
import { VALUE } from '../runtime/kernel-module.ts';
import type { FunctionImport, Layout } from '../runtime/layout.ts';
import { BLOCKED } from '../syscalls/caller.ts';
import type { Import } from '../syscalls/dispatch.ts';
import { printable } from './printable.ts';
import type { Process } from './process.ts';
import { reasonText } from './reason.ts';
import { trapped } from './status.ts';
import type { Thread } from './thread.ts';

/** What a loop check passes to the kernel: no import returns it. */
const RESERVED = -0x8000_0000;

/** The capability on the function that an import names, if the process has one. */
function capabilityOn(table: CapTable, { module, name }: FunctionImport): Capability<HostFunctionObject> | undefined {
  const wanted = `${module}.${name}`;
  return table.find<HostFunctionObject>(
    'function',
    ({ object, rights }) => object.function === wanted && (rights & HOST_RIGHT.call) !== 0,
  );
}

/** Why a program cannot be linked to the functions that it is given. */
export function refusedFunctions({ functions }: Layout, table: CapTable): string | undefined {
  for (const one of functions) {
    const given = capabilityOn(table, one)?.object.signature;
    if (given === undefined || (same(given.params, one.params) && same(given.results, one.results))) continue;
    const text = ({ params, results }: { params: readonly unknown[]; results: readonly unknown[] }) =>
      `(${params.join(', ')}) -> (${results.join(', ')})`;
    return `imports ${printable(one.module)}.${printable(one.name)} as ${text(one)}; the function given is ${text(given)}`;
  }
  return undefined;
}

const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a.join() === b.join();

/** The functions of the embedder that one thread calls. */
export class HostCalls {
  readonly #thread: Thread;
  readonly #polled: boolean;
  /** Of the call just made. */
  #value: HostValue = 0;

  constructor(thread: Thread, polled: boolean) {
    this.#thread = thread;
    this.#polled = polled;
  }

  /** The kernel's own imports by which results are fetched. */
  get values(): Record<string, () => HostValue> {
    const value = () => this.#value;
    return { [`${VALUE}i64`]: () => BigInt(this.#value), [`${VALUE}f32`]: value, [`${VALUE}f64`]: value };
  }

  /** What a guest imports; undefined where its process has no such function. */
  link(wanted: FunctionImport): Import | undefined {
    const { process, capabilities, epoch } = this.#thread;
    let capability = capabilityOn(capabilities, wanted);
    if (capability === undefined || !wanted.lowered) return undefined;
    const { signature } = capability.object;
    const caller = callerOf(process);
    return (...raw) => {
      if (capability === undefined || !capabilities.holds(capability)) capability = capabilityOn(capabilities, wanted);
      const held = capability;
      const answer =
        held === undefined
          ? this.#fail(wanted, 'the process has no capability on it any more')
          : this.#call(wanted, held, () => held.object.invoke(caller, decode(signature.params, raw)));
      if (answer === BLOCKED) return -1;
      return this.#polled && epoch[0] !== 0 ? this.#thread.breathe(answer) : answer;
    };
  }

  #call(wanted: FunctionImport, capability: Capability<HostFunctionObject>, invoke: () => unknown): number | typeof BLOCKED {
    const [type] = capability.object.signature.results;
    let answer: unknown;
    let later: Promise<unknown> | undefined;
    try {
      answer = invoke();
      if (isThenable(answer)) later = Promise.resolve(answer);
    } catch (error) {
      return this.#fail(wanted, reasonText(error));
    }
    if (later === undefined) return this.#put(wanted, type, answer);
    let goOn: (() => number | typeof BLOCKED) | undefined;
    const settled = later.then(
      (value) => {
        goOn = () => this.#put(wanted, type, value);
      },
      (error) => {
        goOn = () => this.#fail(wanted, reasonText(error));
      },
    );
    const { capabilities } = this.#thread;
    const retry = (): number | typeof BLOCKED => {
      if (!capabilities.holds(capability)) return this.#fail(wanted, 'the capability on it was revoked while it was called');
      return goOn?.() ?? this.#thread.block([settled, capability.gone()], undefined, retry);
    };
    return retry();
  }

  /** Hands a result over: returned where it is an i32, else fetched by the stub. */
  #put(wanted: FunctionImport, type: HostType | undefined, answer: unknown): number | typeof BLOCKED {
    if (type === undefined)
      return answer === undefined ? 0 : this.#fail(wanted, `it returned ${kindOf(answer)}, and has no result`);
    if (typeof answer !== (type === 'i64' ? 'bigint' : 'number'))
      return this.#fail(wanted, `it returned ${kindOf(answer)}, which is no ${type}`);
    if (type !== 'i32') {
      this.#value = answer as HostValue;
      return 0;
    }
    const result = (answer as number) | 0;
    return result === RESERVED ? this.#thread.block([], undefined, () => result) : result;
  }

  #fail({ module, name }: FunctionImport, why: string): typeof BLOCKED {
    this.#thread.process.end(trapped(`${printable(module)}.${printable(name)}: ${printable(why)}`));
    return BLOCKED;
  }
}

const callerOf = ({ pid, done, memory }: Process): HostCaller => ({
  pid,
  done,
  read: (address, length) => (memory.has(address, length) ? memory.bytes.slice(address, address + length) : undefined),
  write: (address, bytes) => {
    if (!memory.hasWritable(address, bytes.length)) return false;
    memory.bytes.set(bytes, address);
    return true;
  },
});

/** An i64 arrives as two halves, low first. */
function decode(params: readonly HostType[], raw: readonly number[]): HostValue[] {
  let at = 0;
  return params.map((type) => {
    const low = raw[at++]!;
    return type === 'i64' ? (BigInt(raw[at++]!) << 32n) | BigInt(low >>> 0) : low;
  });
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

const kindOf = (value: unknown): string => (value === undefined ? 'nothing' : `a value of type ${typeof value}`);
