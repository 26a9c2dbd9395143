// entry: what instantiation would run (segments, the start function) becomes one exported function, which the kernel calls first
// on the process's own stack: V8 can suspend nothing under an instantiation.

import { encodeUtf8 } from '../../hal/utf8.ts';
import type { Module } from '../module.ts';
import { Op } from '../opcodes.ts';
import { emit, type Pass } from '../plan.ts';

const ENTRY = 'superos:entry';

/** The name, or one like it that the module does not export. */
export function unusedName(wanted: string, { exports }: Module): string {
  const taken = new Set(exports.map((item) => item.name));
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
  return name;
}

export const entry: Pass = {
  name: 'entry',
  plan(plan) {
    const { start } = plan.module;
    plan.dropStart = true;
    if (start !== undefined) {
      const target = plan.original(start);
      plan.initialisers.push((out) => emit(out, Op.call, target.index));
    }
    const { initialisers } = plan;
    if (initialisers.length === 0) return;
    const name = unusedName(ENTRY, plan.module);
    const ref = plan.function(encodeUtf8(ENTRY), plan.type([], []), [], (out, hint) => {
      for (const initialise of initialisers) initialise(out, hint);
    });
    plan.exports.push({ name, ref });
    plan.entry = name;
  },
};
