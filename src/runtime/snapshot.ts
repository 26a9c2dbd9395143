// Snapshots: the state of an instance beside its memories, as plain data, and new instances made the same. Only integers leave an
// instance; what is no integer and no function of its own cannot be captured, and the reason says what it is.

import type { Layout, SlotLayout, SnapshotLayout, SnapshotTable } from './layout.ts';
import { isReference, NULL, OPAQUE, type ReferenceKind, SLOT_VALUES } from './slots.ts';

/** Survives `structuredClone`. */
export interface Snapshot {
  /** What was captured, as the caller names it: such as the hash of its bytes. */
  readonly program: string;
  /** Of all slots of the layout, in order. */
  readonly values: readonly (number | bigint)[];
  /** By table: its elements as integers; undefined for those that no code writes. */
  readonly tables: readonly (Int32Array | undefined)[];
}

/** A snapshot that does not fit the instance it is restored into. */
export class SnapshotError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SnapshotError';
  }
}

type Accessor = (...values: (number | bigint)[]) => unknown;

function accessor({ exports }: WebAssembly.Instance, { prefix, accessors }: SnapshotLayout, name: string): Accessor {
  return (exports[`${prefix}.accessor`] as (number: number) => Accessor)(accessors.indexOf(name));
}

const WHAT: Readonly<Record<ReferenceKind, string>> = {
  func: 'a function that no code of the program refers to',
  any: "an object of the engine's heap",
  extern: 'a value of the host',
  exn: 'an exception',
};

/** Numbers of functions, and why they are asked for. */
class Functions {
  readonly #numbers = new Map<unknown, number>();

  constructor(instance: WebAssembly.Instance, layout: SnapshotLayout) {
    if (layout.functions === 0) return;
    const pick = accessor(instance, layout, 'function');
    for (let number = 0; number < layout.functions; number++) this.#numbers.set(pick(number), number);
  }

  /** What an accessor told of a reference, as an integer. */
  number(told: unknown): number {
    if (typeof told === 'number') return told;
    return told === null ? NULL : (this.#numbers.get(told) ?? OPAQUE);
  }
}

function captureTable(
  instance: WebAssembly.Instance,
  layout: SnapshotLayout,
  { index, kind }: SnapshotTable,
  functions: Functions,
): Int32Array | string {
  const element = accessor(instance, layout, `element${index}`);
  const elements = new Int32Array(accessor(instance, layout, `size${index}`)() as number);
  for (let at = 0; at < elements.length; at++) {
    elements[at] = functions.number(element(at));
    if (elements[at] === OPAQUE) return `table ${index} holds ${WHAT[kind]} at ${at}`;
  }
  return elements;
}

const NOT_LOADED = 'the program was not loaded to be captured';

/**
 * Captures an instance that runs nothing and whose entry, if it has one, has returned. A string says in one line why it cannot be
 * captured. Memories are the caller's.
 */
export function capture(
  instance: WebAssembly.Instance,
  { snapshot: layout = NOT_LOADED, tables: types }: Layout,
  program: string,
): Snapshot | string {
  if (typeof layout === 'string') return layout;
  const functions = new Functions(instance, layout);
  const values: (number | bigint)[] = [];
  let slot = 0;
  for (const [chunk, slots] of layout.chunks.entries()) {
    const told = accessor(instance, layout, `get${chunk}`)();
    const all = slots === 0 ? [] : Array.isArray(told) ? (told as unknown[]) : [told];
    let next = 0;
    for (const { kind, index } of layout.slots.slice(slot, slot + slots)) {
      for (let left = SLOT_VALUES[kind].length; left > 0; left--) {
        const value = isReference(kind) ? functions.number(all[next]) : (all[next] as number | bigint);
        if (isReference(kind) && value === OPAQUE) return `global ${index} holds ${WHAT[kind]}`;
        values.push(value);
        next++;
      }
    }
    slot += slots;
  }
  const tables = new Array<Int32Array | undefined>(types.length).fill(undefined);
  for (const table of layout.tables) {
    const captured = captureTable(instance, layout, table, functions);
    if (typeof captured === 'string') return captured;
    tables[table.index] = captured;
  }
  return { program, values, tables };
}

function fitsReference(kind: ReferenceKind, value: number, functions: number): boolean {
  if (value === NULL) return true;
  return value >= 0 && (kind === 'any' || (kind === 'func' && value < functions));
}

function fitsSlots(slots: readonly SlotLayout[], values: Snapshot['values'], functions: number): boolean {
  let next = 0;
  for (const { kind } of slots) {
    for (const type of SLOT_VALUES[kind]) {
      const value = values[next++];
      if (typeof value !== (type === 'i64' ? 'bigint' : 'number')) return false;
      if (isReference(kind) && !fitsReference(kind, value as number, functions)) return false;
    }
  }
  return next === values.length;
}

function fitsTables({ snapshot, tables: types }: Layout, tables: Snapshot['tables']): boolean {
  const layout = snapshot as SnapshotLayout;
  const written = new Map(layout.tables.map(({ index, kind }) => [index, kind]));
  return (
    tables.length === types.length &&
    types.every(({ minimum, maximum }, index) => {
      const kind = written.get(index);
      const elements = tables[index];
      if (kind === undefined || elements === undefined) return kind === elements;
      return (
        elements.length >= minimum &&
        elements.length <= (maximum ?? elements.length) &&
        elements.every((value) => fitsReference(kind, value, layout.functions))
      );
    })
  );
}

/** Whether a snapshot, wherever it comes from, has the form of the program's state. */
export function fits(layout: Layout, { values, tables }: Snapshot): boolean {
  const { snapshot: described = NOT_LOADED } = layout;
  return typeof described === 'object' && fitsSlots(described.slots, values, described.functions) && fitsTables(layout, tables);
}

/** The elements of a table that a new instance has otherwise. */
interface Difference {
  readonly table: number;
  readonly elements: readonly { readonly at: number; readonly value: number }[];
}

/** A table that a new instance has fewer elements of. */
interface Growth {
  readonly table: number;
  readonly elements: number;
  /** What they are. */
  readonly value: number;
}

/** What is known of a snapshot for a program. */
interface Known {
  readonly layout: Layout;
  /** Of each chunk, what its slots are set to. */
  readonly settings: readonly (readonly (number | bigint)[])[];
  /** Once it was restored: all new instances of a program have the same tables. */
  tables: { readonly growth: readonly Growth[]; readonly differences: readonly Difference[] } | undefined;
}

const knownOf = new WeakMap<Snapshot, Known>();

/** Throws SnapshotError. */
function know(layout: Layout, snapshot: Snapshot): Known {
  const before = knownOf.get(snapshot);
  if (before?.layout === layout) return before;
  if (!fits(layout, snapshot)) throw new SnapshotError('the snapshot does not fit the program');
  const known = { layout, settings: settingsOf(layout.snapshot as SnapshotLayout, snapshot), tables: undefined };
  knownOf.set(snapshot, known);
  return known;
}

function settingsOf({ chunks, slots }: SnapshotLayout, { values }: Snapshot): Known['settings'] {
  let slot = 0;
  let next = 0;
  return chunks.map((count) => {
    const taken = slots.slice(slot, slot + count).reduce((sum, { kind }) => sum + SLOT_VALUES[kind].length, 0);
    slot += count;
    next += taken;
    return values.slice(next - taken, next);
  });
}

function growthOf(instance: WebAssembly.Instance, layout: SnapshotLayout, { tables }: Snapshot): readonly Growth[] {
  return layout.tables.flatMap(({ index }) => {
    const wanted = tables[index]!;
    const elements = wanted.length - (accessor(instance, layout, `size${index}`)() as number);
    return elements > 0 ? [{ table: index, elements, value: wanted.at(-1)! }] : [];
  });
}

function growTables(instance: WebAssembly.Instance, layout: SnapshotLayout, growth: readonly Growth[]): void {
  for (const { table, elements, value } of growth) {
    if (accessor(instance, layout, `grow${table}`)(elements, value) === 0)
      throw new SnapshotError(`the host has no room for ${elements} more elements of table ${table}`);
  }
}

function compareTables(instance: WebAssembly.Instance, layout: SnapshotLayout, snapshot: Snapshot): readonly Difference[] {
  if (layout.tables.length === 0) return [];
  const functions = new Functions(instance, layout);
  return layout.tables.flatMap(({ index: table }) => {
    const element = accessor(instance, layout, `element${table}`);
    const elements = [...snapshot.tables[table]!].flatMap((value, at) =>
      functions.number(element(at)) === value ? [] : [{ at, value }],
    );
    return elements.length === 0 ? [] : [{ table, elements }];
  });
}

/**
 * Makes a new instance what the captured one was, but for its memories; its entry must not be called. Throws SnapshotError where the
 * snapshot is of another program; nothing is promised of the instance then.
 */
export function restore(instance: WebAssembly.Instance, layout: Layout, snapshot: Snapshot): void {
  const { snapshot: described = NOT_LOADED } = layout;
  if (typeof described === 'string') throw new SnapshotError(described);
  const known = know(layout, snapshot);
  try {
    resetter(instance, layout, snapshot)();
    const growth = known.tables?.growth ?? growthOf(instance, described, snapshot);
    growTables(instance, described, growth);
    known.tables ??= { growth, differences: compareTables(instance, described, snapshot) };
    for (const { table, elements } of known.tables.differences) {
      const place = accessor(instance, described, `place${table}`);
      for (const { at, value } of elements) place(at, value);
    }
  } catch (error) {
    // A reference to a function of another type.
    if (error instanceof WebAssembly.RuntimeError) throw new SnapshotError('the snapshot does not fit the program');
    throw error;
  }
}

/**
 * Puts the mutable globals of an instance back to what they were when the snapshot was taken: all its state beside its memories where
 * the layout says that it can be recycled. Made once for each instance; a call takes about ten nanoseconds.
 */
export function resetter(instance: WebAssembly.Instance, layout: Layout, snapshot: Snapshot): () => void {
  const { prefix } = layout.snapshot as SnapshotLayout;
  // A bound function is quicker than a call that spreads its arguments.
  const setters = know(layout, snapshot).settings.map((values, chunk) =>
    (instance.exports[`${prefix}.set${chunk}`] as Accessor).bind(undefined, ...values),
  );
  const [only] = setters;
  if (only !== undefined && setters.length === 1) return only;
  return () => {
    for (const set of setters) set();
  };
}
