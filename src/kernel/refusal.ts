// Why a program cannot be started, or one of its exports called, the way that was asked for: each in one line.
import type { CapTable } from '../caps/table.ts';
import type { Layout } from '../runtime/layout.ts';
import type { Invocation, Task } from './execution.ts';
import { printable } from './printable.ts';

const NUMERIC = new Set<unknown>(['i32', 'i64', 'f32', 'f64']);

/** Why the program cannot be started the way that was asked for. */
export function refusedTask(layout: Layout, task: Task): string | undefined {
  if (task === 'reactor' || task === 'prepare') return undefined;
  if (task !== 'command') return refusedCall(layout, task);
  const start = exported(layout, '_start');
  if (start === undefined)
    return `has no _start: it is no command. Name an export to call with --invoke; it exports ${listed(layout)}`;
  const takes = (start.params?.length ?? 0) + (start.results?.length ?? 0);
  return takes === 0 ? undefined : '_start takes or returns values: it is no command';
}

/** Threads that share memory make a clock finer than any that the process was given: two of them, one counting. */
export function refusedMemory({ memories }: Layout, capabilities: CapTable): string | undefined {
  if (!memories.some(({ shared }) => shared) || capabilities.find('threads') !== undefined) return undefined;
  return 'declares memory that threads share, for which it has no capability: give it threads (--cap threads)';
}

/** Why an export cannot be called so. */
export function refusedCall(layout: Layout, { name, args }: Invocation): string | undefined {
  const found = exported(layout, name);
  if (found === undefined) return `exports no function ${printable(name)}; it exports ${listed(layout)}`;
  const params = found.params ?? [];
  if (![...params, ...(found.results ?? [])].every((type) => NUMERIC.has(type)))
    return `${printable(name)} takes or returns values that are no numbers`;
  return params.length === args.length
    ? undefined
    : `${printable(name)} takes ${params.length} arguments (${params.join(', ')}), not ${args.length}`;
}

const exported = (layout: Layout, wanted: string) =>
  layout.exports.find(({ kind, name }) => kind === 'function' && name === wanted);

/** The functions that can be called, for a person: the first few. */
function listed(layout: Layout): string {
  const names = layout.exports.filter(({ kind }) => kind === 'function').map(({ name }) => printable(name));
  return names.length === 0 ? 'no functions' : `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`;
}
