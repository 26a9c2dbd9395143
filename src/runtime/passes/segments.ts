// segments: active segments become passive, and the entry function applies them, because the kernel's memory has no size
// when the module is instantiated. Order and traps stay those of instantiation: elements, then data, each dropped once applied.

import type { Range } from '../module.ts';
import { Op } from '../opcodes.ts';
import { emit, emitConst, type Pass } from '../plan.ts';
import type { Writer } from '../writer.ts';

export const segments: Pass = {
  name: 'segments',
  plan(plan) {
    const { source, elements, data } = plan.module;
    plan.passiveSegments = true;
    // An offset has a numeric type, so its expression names no function and is copied without its `end`.
    const offset = (out: Writer, range: Range) => out.copy(source, range.start, range.end - 1);
    elements.forEach(({ target, count }, segment) => {
      if (target === undefined) return;
      plan.initialisers.push((out) => {
        offset(out, target.offset);
        emitConst(out, 'i32', 0);
        emitConst(out, 'i32', count);
        emit(out, Op.tableInit, segment, target.table);
        emit(out, Op.elemDrop, segment);
      });
    });
    data.forEach(({ target, size }, segment) => {
      if (target === undefined) return;
      plan.initialisers.push((out) => {
        offset(out, target.offset);
        emitConst(out, 'i32', 0);
        emitConst(out, 'i32', size);
        emit(out, Op.memoryInit, segment, target.memory);
        emit(out, Op.dataDrop, segment);
      });
    });
  },
};
