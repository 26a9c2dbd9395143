// What the reading walk does at each opcode: the kinds of immediates for those that it steps over, and `Do` for the others.

import { ATOMIC, GC, IMMEDIATES, Op } from '../opcodes.ts';

export const Do = {
  block: 32,
  loop: 33,
  if: 34,
  else: 35,
  try: 36,
  catch: 37,
  catchAll: 38,
  delegate: 39,
  tryTable: 40,
  end: 41,
  br: 42,
  brIf: 43,
  brTable: 44,
  brOn: 45,
  brOnCast: 46,
  leave: 47,
  leaveIndex: 48,
  call: 49,
  returnCall: 50,
  callIndirect: 51,
  returnCallIndirect: 52,
  callRef: 53,
  returnCallRef: 54,
  refFunc: 55,
  localSet: 56,
  i32Const: 57,
  /** Becomes a call when it is rewritten. */
  helped: 58,
  bulk: 59,
  globalSet: 60,
} as const;

export const ACTIONS: Uint8Array = Uint8Array.from(IMMEDIATES);
const SPECIAL: readonly (readonly [number, number])[] = [
  [0x00, Do.leave],
  [0x02, Do.block],
  [0x03, Do.loop],
  [0x04, Do.if],
  [0x05, Do.else],
  [0x06, Do.try],
  [0x07, Do.catch],
  [0x08, Do.leaveIndex],
  [0x09, Do.leaveIndex],
  [0x0a, Do.leave],
  [0x0b, Do.end],
  [0x0c, Do.br],
  [0x0d, Do.brIf],
  [0x0e, Do.brTable],
  [0x0f, Do.leave],
  [0x10, Do.call],
  [0x11, Do.callIndirect],
  [0x12, Do.returnCall],
  [0x13, Do.returnCallIndirect],
  [0x14, Do.callRef],
  [0x15, Do.returnCallRef],
  [0x18, Do.delegate],
  [0x19, Do.catchAll],
  [0x1f, Do.tryTable],
  [0xd2, Do.refFunc],
  [0xd5, Do.brOn],
  [0xd6, Do.brOn],
  [Op.localSet, Do.localSet],
  [Op.globalSet, Do.globalSet],
  [Op.i32Const, Do.i32Const],
  [Op.memoryGrow, Do.helped],
  [Op.tableGrow, Do.helped],
  [GC + 24, Do.brOnCast],
  [GC + 25, Do.brOnCast],
];
for (const [opcode, action] of SPECIAL) ACTIONS[opcode] = action;
for (const sub of [0, 1, 6, 7, 8, 9, 10]) ACTIONS[GC + sub] = Do.helped;
for (const opcode of [Op.memoryInit, Op.memoryCopy, Op.memoryFill, Op.tableInit, Op.tableCopy, Op.tableFill])
  ACTIONS[opcode] = Do.bulk;
for (const opcode of [Op.arrayFill, Op.arrayCopy, Op.arrayInitData, Op.arrayInitElem]) ACTIONS[opcode] = Do.bulk;
for (const sub of [0, 1, 2]) ACTIONS[ATOMIC + sub] = Do.helped;
