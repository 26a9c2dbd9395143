// Linking: what a rewritten module imports is given to it, or the program is refused. Only numbers cross between a guest
// and the kernel: a module that asks for host values is not run.

import { EPOCH, KERNEL_MODULE } from '../runtime/kernel-module.ts';
import type { Layout } from '../runtime/layout.ts';
import { bind, signature } from '../syscalls/dispatch.ts';
import { HANDLERS } from '../syscalls/handlers.ts';
import { type CallName, TABLE } from '../syscalls/table.ts';
import { HostCalls } from './hostcall.ts';
import { MEMORIES_MAX, TABLE_ELEMENTS_MAX } from './limits.ts';
import { printable } from './printable.ts';
import type { Process } from './process.ts';
import { stackImports, watched } from './protection.ts';
import { stopped, trapped } from './status.ts';
import type { Thread } from './thread.ts';

/** By import module and name. */
const CALLS: ReadonlyMap<string, CallName> = new Map(
  (Object.keys(TABLE) as CallName[]).map((name) => [`${TABLE[name].abi} ${TABLE[name].name}`, name]),
);

/** What was found of each program, which never changes. */
const found = new WeakMap<Layout, string | undefined>();

/** Why a program cannot be run, in one line; undefined when it can. */
export const refusal = (layout: Layout): string | undefined => found.getOrInsertComputed(layout, examine);

function examine(layout: Layout): string | undefined {
  for (const { module, name, params, results, lowered } of layout.functions) {
    const call = CALLS.get(`${module} ${name}`);
    if (call === undefined) {
      if (lowered) continue;
      return `imports ${printable(module)}.${printable(name)}, which takes or returns what is no number`;
    }
    const wanted = signature(TABLE[call]);
    if (params.join() !== wanted.params.join() || results.join() !== wanted.results.join()) {
      return `imports ${module}.${name} as (${params.join(', ')}) -> (${results.join(', ')}); it is (${wanted.params.join(', ')}) -> (${wanted.results.join(', ')})`;
    }
  }
  const value = layout.globals[0] ?? layout.tags[0] ?? layout.tables.find((table) => table.import !== undefined)?.import;
  if (value !== undefined)
    return `imports ${printable(value.module)}.${printable(value.name)}, which is no function: only numbers cross between a program and the kernel`;
  const memories = layout.memories.length;
  if (memories > MEMORIES_MAX) return `declares ${memories} memories; the limit is ${MEMORIES_MAX}`;
  const elements = tableElements(layout);
  if (elements > TABLE_ELEMENTS_MAX) return `declares tables of ${elements} elements; the limit is ${TABLE_ELEMENTS_MAX}`;
  return undefined;
}

const tableElements = ({ tables }: Layout): number => tables.reduce((sum, { minimum }) => sum + minimum, 0);

/** Ends a process, and throws, where the host's heap has no room for the tables of its instance. */
export function admitTables(layout: Layout, process: Process): void {
  const elements = tableElements(layout);
  if (process.kernel.heap.hasRoomFor(elements)) return;
  process.end(stopped('memory-limit', `the host's heap has no room for tables of ${elements} elements`));
  throw new Error('there is no room for its tables');
}

/**
 * The imports of a module that `refusal` accepted, for a process whose one thread is `thread`. Instances of the processes that this thread
 * serves one after another may be linked to the same, but where the program allocates on the engine's heap.
 */
export function imports(layout: Layout, thread: Thread, memories: readonly WebAssembly.Memory[]): WebAssembly.Imports {
  // An instance may serve one process after another: what calls work on is the thread's process then.
  const { process } = thread;
  const { heap } = process.kernel;
  const kernel: Record<string, unknown> = {
    wait: new WebAssembly.Suspending((raw: number) => thread.attend(raw)),
    memory_grow: (index: number, pages: number) => thread.process.grow(index, pages >>> 0),
    table_size: (index: number, wanted: number) =>
      heap.hasRoomFor(wanted >>> 0) && thread.process.resizeTable(index, wanted >>> 0) ? 1 : 0,
  };
  const polled = !layout.preempt;
  if (!polled) kernel[EPOCH] = process.kernel.hal.tick.epoch;
  if (layout.stack !== undefined) Object.assign(kernel, stackImports(layout.stack, thread));
  if (layout.probed?.asks) {
    const touch = (index: number, address: number, length: number, writes: number) =>
      thread.process.mayTouch(index, address, length, writes !== 0) ? 1 : 0;
    kernel['touch'] = touch;
  }
  if (layout.heapBytes !== undefined) {
    const meter = heap.open(process);
    // What instantiation allocates no code of the program could ask for.
    if (layout.heapBytes > 0 && meter.allocate(layout.heapBytes) !== 0) throw new Error('there is no room for its GC objects');
    kernel['allocate'] = meter.allocate;
    kernel['allocated'] = meter.allocated;
  }
  for (const [index, memory] of memories.entries()) kernel[`memory${index}`] = memory;
  const { gate } = process;
  const link = (call: CallName) => {
    if (gate !== undefined) return watched(layout, call, thread, gate.link(call, thread, polled));
    return call === 'sched_yield'
      ? new WebAssembly.Suspending(() => thread.relinquish())
      : watched(layout, call, thread, bind(call, HANDLERS[call], thread, polled));
  };
  // Names are the guest's choice: objects without a prototype take any.
  const given: WebAssembly.Imports = Object.create(null);
  given[KERNEL_MODULE] = kernel;
  const functions = layout.functions.some(({ lowered }) => lowered) ? new HostCalls(thread, polled) : undefined;
  Object.assign(kernel, functions?.values);
  for (const wanted of layout.functions) {
    const { module, name } = wanted;
    given[module] ??= Object.create(null) as Record<string, unknown>;
    const call = CALLS.get(`${module} ${name}`);
    given[module][name] = call === undefined ? (functions?.link(wanted) ?? unknown(thread, module, name)) : link(call);
  }
  return given;
}

/**
 * A system call that does not exist. Programs import more than they call (Ruby a whole bridge to a browser), so it is the
 * call, not the import, that ends the process.
 */
const unknown = (thread: Thread, module: string, name: string) => () => {
  thread.process.end(
    trapped(
      `called ${printable(module)}.${printable(name)}, which SuperOS does not provide, and for which it was given no function`,
    ),
  );
  return -1;
};
