// What the snapshot pass adds to a module: functions that tell and set globals and tables as integers. Those that set globals run in
// every clone; one more gives all others, since V8 makes a new instance's exports one by one: nine took twice as long as four.

import { encodeUtf8 } from '../../hal/utf8.ts';
import type { SlotLayout } from '../layout.ts';
import { BlockType, Op, SIMD } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Plan } from '../plan.ts';
import { References, writeChoice } from '../references.ts';
import { isReference, type ReferenceKind, SLOT_VALUES } from '../slots.ts';
import type { ValueType } from '../types.ts';
import type { Writer } from '../writer.ts';

const TABLE_GET = 0x25;
const TABLE_SET = 0x26;
const I32_NE = 0x47;
const I64_NE = 0x52;
const F32_REINTERPRET_I32 = 0xbe;
const F64_REINTERPRET_I64 = 0xbf;
const I64X2_SPLAT = SIMD + 18;
const I64X2_EXTRACT = SIMD + 29;
const I64X2_REPLACE = SIMD + 30;

export interface Slot extends SlotLayout {
  readonly type: ValueType;
  /** Of `dropped`: the instructions, by bit. */
  readonly drops: readonly { readonly opcode: number; readonly segment: number }[];
}

/** Leaves the values of a slot. */
function readSlot(out: Writer, references: References, { kind, index }: Slot): void {
  emit(out, Op.globalGet, index);
  switch (kind) {
    case 'f32':
      out.u8(Op.i32ReinterpretF32);
      break;
    case 'f64':
      out.u8(Op.i64ReinterpretF64);
      break;
    case 'v128':
      emit(out, I64X2_EXTRACT);
      out.u8(0);
      emit(out, Op.globalGet, index);
      emit(out, I64X2_EXTRACT);
      out.u8(1);
      break;
    case 'func':
    case 'any':
    case 'extern':
    case 'exn':
      references.encode(out, kind);
  }
}

/** Sets a slot to its values, which are the locals from `local` on. */
function writeSlot(out: Writer, references: References, { kind, index, type, drops }: Slot, local: number): void {
  const value = () => emit(out, Op.localGet, local);
  switch (kind) {
    case 'f32':
    case 'f64':
      value();
      out.u8(kind === 'f32' ? F32_REINTERPRET_I32 : F64_REINTERPRET_I64);
      break;
    case 'v128':
      value();
      emit(out, I64X2_SPLAT);
      emit(out, Op.localGet, local + 1);
      emit(out, I64X2_REPLACE);
      out.u8(1);
      break;
    case 'func':
    case 'any':
    case 'extern':
    case 'exn':
      references.decode(out, kind, type, value);
      break;
    default:
      value();
  }
  emit(out, Op.globalSet, index);
  drops.forEach(({ opcode, segment }, bit) => {
    value();
    emitConst(out, 'i32', 1 << bit);
    out.u8(Op.i32And).u8(Op.if).u8(BlockType.empty);
    emit(out, opcode, segment);
    emit(out, Op.end);
  });
}

export class Accessors {
  readonly #plan: Plan;
  readonly #prefix: string;
  readonly #references: References;
  /** By their numbers. */
  readonly #given: FunctionRef[] = [];
  readonly names: string[] = [];

  constructor(plan: Plan, prefix: string, references: References) {
    this.#plan = plan;
    this.#prefix = prefix;
    this.#references = references;
  }

  #function(name: string, params: readonly ValueType[], results: readonly ValueType[], body: (out: Writer) => void): FunctionRef {
    return this.#plan.function(encodeUtf8(`superos.snapshot.${name}`), this.#plan.type(params, results), [], body);
  }

  #add(name: string, params: readonly ValueType[], results: readonly ValueType[], body: (out: Writer) => void): void {
    this.#give(name, this.#function(name, params, results, body));
  }

  #give(name: string, ref: FunctionRef): void {
    this.names.push(name);
    this.#given.push(ref);
    this.#plan.declared.push(ref);
  }

  #export(name: string, ref: FunctionRef): void {
    this.#plan.exports.push({ name: `${this.#prefix}.${name}`, ref });
  }

  /** A function that tells all values of these slots, and one that sets them, after what `first` writes. */
  chunk(number: number, slots: readonly Slot[], first: (out: Writer) => void): void {
    const references = this.#references;
    for (const { kind } of slots) if (isReference(kind)) references.use(kind);
    const params = slots.flatMap(({ kind }) => SLOT_VALUES[kind]);
    const results = slots.flatMap(({ kind }): readonly ValueType[] =>
      isReference(kind) ? [References.encoded(kind)] : SLOT_VALUES[kind],
    );
    this.#add(`get${number}`, [], results, (out) => {
      for (const slot of slots) readSlot(out, references, slot);
    });
    const set = this.#function(`set${number}`, params, [], (out) => {
      first(out);
      let local = 0;
      for (const slot of slots) {
        writeSlot(out, references, slot, local);
        local += SLOT_VALUES[slot.kind].length;
      }
    });
    this.#export(`set${number}`, set);
  }

  /** Functions that tell and change the size and the elements of a table. */
  table(index: number, kind: ReferenceKind): void {
    const references = this.#references;
    references.use(kind);
    const { element, limits } = this.#plan.module.tables[index]!;
    const wide = limits.address === 'i64';
    const at = (out: Writer) => {
      emit(out, Op.localGet, 0);
      if (wide) emit(out, Op.i64ExtendI32U);
    };
    const decode = (out: Writer) => references.decode(out, kind, element, () => emit(out, Op.localGet, 1));
    const size = (out: Writer) => {
      emit(out, Op.tableSize, index);
      if (wide) emit(out, Op.i32WrapI64);
    };
    this.#add(`size${index}`, [], ['i32'], size);
    this.#add(`element${index}`, ['i32'], [References.encoded(kind)], (out) => {
      at(out);
      emit(out, TABLE_GET, index);
      references.encode(out, kind);
    });
    this.#add(`place${index}`, ['i32', 'i32'], [], (out) => {
      at(out);
      decode(out);
      emit(out, TABLE_SET, index);
    });
    // By how many, with what; whether that was done.
    this.#add(`grow${index}`, ['i32', 'i32'], ['i32'], (out) => {
      decode(out);
      at(out);
      emit(out, Op.tableGrow, index);
      emitConst(out, wide ? 'i64' : 'i32', -1);
      out.u8(wide ? I64_NE : I32_NE);
    });
  }

  pick(): void {
    this.#give('function', this.#references.pick());
  }

  /** After all others: what gives those that are no exports. */
  finish(): void {
    const given = this.#given;
    if (given.length === 0) return;
    const give = this.#function('accessor', ['i32'], ['funcref'], (out) =>
      writeChoice(out, (number) => given[number]!.index, 0, given.length),
    );
    this.#export('accessor', give);
  }
}
