// A cell: what a process runs in, and what the imports of its instance are bound to. Where that is exact it serves one process
// after another: the loader has shown that memory and numeric globals are all the state of the program, and both are put back.
import type { CapTable } from '../caps/table.ts';
import type { Gate } from './policy/gate.ts';
import type { AddressSpace } from './space.ts';
import type { Template } from './template.ts';
import type { Thread } from './thread.ts';

export interface Cell {
  readonly template: Template;
  readonly space: AddressSpace;
  readonly capabilities: CapTable;
  readonly thread: Thread;
  readonly instance: WebAssembly.Instance;
  readonly gate: Gate | undefined;
  /** Bytes that its processes may have: its memories are made for that. */
  readonly memoryLimit: number;
}
