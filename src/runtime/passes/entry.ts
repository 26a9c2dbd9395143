// entry: what instantiation would run (segments, the start function) becomes one exported function, which the kernel calls first
// on the process's own stack: V8 can suspend nothing under an instantiation.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { Op } from '../opcodes.ts';
import { emit, type Pass } from '../plan.ts';

const ENTRY = 'superos:entry';

function unusedName(taken: ReadonlySet<string>): string {
  let name = ENTRY;
  for (let n = 2; taken.has(name); n++) name = `${ENTRY}-${n}`;
  return name;
}

export const entry: Pass = {
  name: 'entry',
  plan(plan) {
    const { start, exports } = plan.module;
    plan.dropStart = true;
    if (start !== undefined) {
      const target = plan.original(start);
      plan.initialisers.push((out) => emit(out, Op.call, target.index));
    }
    const { initialisers } = plan;
    if (initialisers.length === 0) return;
    const name = unusedName(new Set(exports.map((item) => item.name)));
    const ref = plan.function(encodeUtf8(ENTRY), plan.type([], []), [], (out, hint) => {
      for (const initialise of initialisers) initialise(out, hint);
    });
    plan.exports.push({ name, ref });
    plan.entry = name;
  },
};
