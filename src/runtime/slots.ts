// How the values of an instance's slots are passed: what the snapshot pass writes, and what reads and sets them, agree here.

import type { SlotKind } from './layout.ts';

/** References as integers that are no number of a function and no i31: null, and what cannot be captured. */
export const NULL = -1;
export const OPAQUE = -2;

/** What a slot takes; functions are told as such, not by number. */
export const SLOT_VALUES: Readonly<Record<SlotKind, readonly ('i32' | 'i64')[]>> = {
  i32: ['i32'],
  i64: ['i64'],
  f32: ['i32'],
  f64: ['i64'],
  v128: ['i64', 'i64'],
  func: ['i32'],
  any: ['i32'],
  extern: ['i32'],
  exn: ['i32'],
  dropped: ['i32'],
};

export type ReferenceKind = 'func' | 'any' | 'extern' | 'exn';

export function isReference(kind: SlotKind): kind is ReferenceKind {
  return kind === 'func' || kind === 'any' || kind === 'extern' || kind === 'exn';
}
