// snapshot: functions that read and set what an instance has beside its memories, as integers, so that a process can become a template:
// JavaScript cannot read a v128, and changes NaN bits. Their names are none of the guest's. From the code alone it says whether an
// instance can be captured at all, and whether it can serve one process after another.

import { addressTaken } from '../analysis/callgraph.ts';
import { type GlobalType, globalTypes, refusal, unrecyclable } from '../analysis/recycle.ts';
import { readState, type State } from '../analysis/state.ts';
import type { SlotKind, SnapshotLayout, SnapshotTable } from '../layout.ts';
import type { Module } from '../module.ts';
import { MISC, Op } from '../opcodes.ts';
import { emit, emitConst, type Pass, type Plan } from '../plan.ts';
import { hierarchy, References } from '../references.ts';
import { SLOT_VALUES } from '../slots.ts';
import { copyOriginal, indexAt } from '../walk.ts';
import type { Writer } from '../writer.ts';
import { Accessors, type Slot } from './accessors.ts';

const PREFIX = 'superos:snapshot';
/** Values that a function takes or gives at most. */
const CHUNK_VALUES = 64;

const ELEM_DROP = MISC + 13;
const I32_OR = 0x72;
const DROPS_PER_WORD = 32;

function mutableGlobals(module: Module, globals: readonly GlobalType[]): Slot[] {
  return globals.flatMap(({ type, mutable }, index) =>
    mutable ? [{ kind: hierarchy(module, type) ?? (type as SlotKind), index, type, drops: [] }] : [],
  );
}

/** Tells in a global of the loader's own that a segment was dropped, because nothing else does. */
function watchDrops(plan: Plan, { droppedData, droppedElements }: State): Slot[] {
  const drops = [
    ...droppedData.map((segment) => ({ opcode: Op.dataDrop as number, segment })),
    ...droppedElements.map((segment) => ({ opcode: ELEM_DROP, segment })),
  ];
  if (drops.length === 0) return [];
  const slots: Slot[] = [];
  for (let first = 0; first < drops.length; first += DROPS_PER_WORD) {
    const index = plan.global('i32');
    slots.push({ kind: 'dropped', index, type: 'i32', drops: drops.slice(first, first + DROPS_PER_WORD) });
  }
  const numbers = new Map(drops.map(({ opcode, segment }, number) => [`${opcode} ${segment}`, number]));
  for (const opcode of [Op.dataDrop, ELEM_DROP]) {
    plan.replace(opcode, (site, out) => {
      const number = numbers.get(`${opcode} ${indexAt(site)}`)!;
      const word = slots[Math.floor(number / DROPS_PER_WORD)]!.index;
      emit(out, Op.globalGet, word);
      emitConst(out, 'i32', 1 << (number % DROPS_PER_WORD));
      emit(out, I32_OR);
      emit(out, Op.globalSet, word);
      copyOriginal(site, out);
    });
  }
  return slots;
}

/** As many slots as one function takes the values of. */
function chunks(slots: readonly Slot[]): Slot[][] {
  const made: Slot[][] = [];
  let room = 0;
  for (const slot of slots) {
    const size = SLOT_VALUES[slot.kind].length;
    if (size > room) {
      made.push([]);
      room = CHUNK_VALUES;
    }
    made.at(-1)!.push(slot);
    room -= size;
  }
  return made;
}

function describe(plan: Plan, globals: readonly GlobalType[], state: State, functions: readonly number[]): SnapshotLayout {
  const { module } = plan;
  const taken = new Set(module.exports.map(({ name }) => name.split('.')[0]!));
  let prefix = PREFIX;
  for (let n = 2; taken.has(prefix); n++) prefix = `${PREFIX}-${n}`;
  const references = new References(plan, functions);
  const accessors = new Accessors(plan, prefix, references);

  const slots = [...mutableGlobals(module, globals), ...watchDrops(plan, state)];
  // The entry does not run in a clone.
  const applied = module.data.flatMap(({ target }, segment) => (target && state.readData[segment] !== 0 ? [segment] : []));
  const first = (out: Writer) => {
    for (const segment of applied) emit(out, Op.dataDrop, segment);
    for (const index of plan.counters) {
      emitConst(out, 'i32', 0);
      emit(out, Op.globalSet, index);
    }
  };
  const groups = chunks(slots);
  if (groups.length === 0 && applied.length + plan.counters.length > 0) groups.push([]);
  groups.forEach((group, number) => {
    accessors.chunk(number, group, number === 0 ? first : () => undefined);
  });

  const tables = module.tables.flatMap(({ element }, index): SnapshotTable[] =>
    state.writtenTables[index] === 0 ? [] : [{ index, kind: hierarchy(module, element)! }],
  );
  for (const { index, kind } of tables) accessors.table(index, kind);
  const refers = [...slots, ...tables].some(({ kind }) => kind === 'func');
  if (refers) accessors.pick();
  accessors.finish();
  return {
    prefix,
    accessors: accessors.names,
    slots: slots.map(({ kind, index }) => ({ kind, index })),
    chunks: groups.map((group) => group.length),
    tables,
    functions: refers ? functions.length : 0,
  };
}

/** Comes after every pass that adds globals. */
export const snapshot: Pass = {
  name: 'snapshot',
  plan(plan) {
    if (!plan.options.snapshot) return;
    const { module } = plan;
    const state = readState(module);
    const globals = globalTypes(module);
    const taken = addressTaken(module, plan.scan);
    const functions = [...taken.keys()].filter((index) => taken[index] !== 0);
    const refused = refusal(module, globals, state, functions.length);
    plan.recycle = refused ?? unrecyclable(module, globals, state) ?? true;
    plan.snapshot = refused ?? describe(plan, globals, state, functions);
  },
};
