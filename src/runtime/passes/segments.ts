// segments: active data segments become passive, and the entry function applies them, because the kernel's memory has no size
// that the module knows when it is instantiated. Element segments stay active: they touch the module's own tables only, V8 applies
// them lazily (3 of 6 ms of starting Ruby), and as in the original they all come before the data.

import { writeCheck } from '../checks.ts';
import { Op } from '../opcodes.ts';
import { emit, emitConst, type Pass } from '../plan.ts';
import { memoryInit, PIECE_BYTES } from './bulk.ts';
import { checksOf } from './preempt.ts';

/** What a segment takes beside its bytes, in bytes. */
const SEGMENT_COST = 1024;

export const segments: Pass = {
  name: 'segments',
  plan(plan) {
    const { source, data } = plan.module;
    plan.passiveData = true;
    let since = 0;
    data.forEach(({ target, size }, segment) => {
      if (target === undefined) return;
      const { offset, memory } = target;
      const helper = memoryInit(plan, segment, memory, size);
      // Many small segments together take as long as a large one.
      since += size + SEGMENT_COST;
      const check = !plan.options.raw && since > PIECE_BYTES ? checksOf(plan) : undefined;
      if (check) since = 0;
      plan.initialisers.push((out, hint) => {
        // An offset has a numeric type, so its expression names no function; it is copied without its `end`.
        out.copy(source, offset.start, offset.end - 1);
        emitConst(out, 'i32', 0);
        emitConst(out, 'i32', size);
        if (helper) emit(out, Op.call, helper.index);
        else emit(out, Op.memoryInit, segment, memory);
        emit(out, Op.dataDrop, segment);
        if (check) writeCheck(check, out, hint);
      });
    });
  },
};
