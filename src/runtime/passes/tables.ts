// tables: table.grow asks the kernel before it grows, which bounds all tables of a process together. The tables stay the module's.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import { indexAt } from '../walk.ts';

// The kernel counts elements in a signed i32. V8's own bound is far lower, so no growth that could succeed is refused.
const ELEMENTS_MAX = 0x7fff_ffff;

const ENTRIES = 1; // parameter: by how many
const WANTED = 2; // local: the size asked for

/** Body of the function that stands for `table.grow table`: previous size, or -1. */
function growHelper(plan: Plan, table: number, allowed: FunctionRef): FunctionRef {
  const { element, limits } = plan.module.tables[table]!;
  const { address } = limits;
  const type = plan.type([element, address], [address]);
  return plan.function(encodeUtf8(`superos.table.grow ${table}`), type, [address], (out, hint) => {
    const refuse = () => {
      hint(false);
      emit(out, Op.if, BlockType.empty);
      emitConst(out, address, -1);
      emit(out, Op.return);
      emit(out, Op.end);
    };
    const wide = address === 'i64';
    emit(out, Op.tableSize, table);
    emit(out, Op.localGet, ENTRIES);
    emit(out, wide ? Op.i64Add : Op.i32Add);
    emit(out, Op.localTee, WANTED);
    emit(out, Op.localGet, ENTRIES);
    emit(out, wide ? Op.i64LtU : Op.i32LtU);
    refuse();
    emit(out, Op.localGet, WANTED);
    emitConst(out, address, ELEMENTS_MAX);
    emit(out, wide ? Op.i64GtU : Op.i32GtU);
    refuse();
    emitConst(out, 'i32', table);
    emit(out, Op.localGet, WANTED);
    if (wide) emit(out, Op.i32WrapI64);
    emit(out, Op.call, allowed.index);
    emit(out, Op.i32Eqz);
    refuse();
    emit(out, Op.localGet, 0);
    emit(out, Op.localGet, ENTRIES);
    emit(out, Op.tableGrow, table);
  });
}

export const tables: Pass = {
  name: 'tables',
  plan(plan) {
    const list = plan.module.tables;
    if (list.length === 0) return;
    const allowed = plan.import('table_size', ['i32', 'i32'], ['i32']);
    const helpers = list.map((_, index) => growHelper(plan, index, allowed));
    plan.replace(Op.tableGrow, (site, out) => emit(out, Op.call, helpers[indexAt(site)]!.index));
  },
};
