// Stores of several bytes at pages that may be protected, on a host whose V8 does not turn them into traps there (see Engine): the
// store of a single byte always is one. So the first byte of what is stored is stored before the whole, and the last one where
// a page may end in between. Nothing is written that the store itself would not write.
import { Op, SIMD } from '../opcodes.ts';
import { emit, emitConst, type Plan } from '../plan.ts';
import { copyOriginal } from '../walk.ts';
import type { Writer } from '../writer.ts';
import { type Place, placeOf, writeAccess } from './place.ts';

const I64_STORE8 = 0x3c;
const I32_SHR_U = 0x76;
const V128_STORE = SIMD + 11;
const V128_STORE8_LANE = SIMD + 88;

type Stored = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** By opcode: what is stored, and of it the bytes in memory. */
const STORES: readonly (readonly [opcode: number, type: Stored, bytes: number])[] = [
  [0x36, 'i32', 4],
  [0x37, 'i64', 8],
  [0x38, 'f32', 4],
  [0x39, 'f64', 8],
  [0x3b, 'i32', 2],
  [0x3d, 'i64', 2],
  [0x3e, 'i64', 4],
  [V128_STORE, 'v128', 16],
  [V128_STORE8_LANE + 1, 'v128', 2],
  [V128_STORE8_LANE + 2, 'v128', 4],
  [V128_STORE8_LANE + 3, 'v128', 8],
];

/** Beyond these no access is in bounds. */
const MOST: Readonly<Record<'i32' | 'i64', bigint>> = { i32: 2n ** 32n - 1n, i64: 2n ** 64n - 1n };

/** `ends`: protected pages may begin anywhere, not only where memory does. */
export function probeStores(plan: Plan, ends: boolean): void {
  const { memories } = plan.module;
  const addresses = {
    i32: memories.some(({ address }) => address === 'i32') ? plan.local('i32') : -1,
    i64: memories.some(({ address }) => address === 'i64') ? plan.local('i64') : -1,
  };
  const values = {
    i32: plan.local('i32'),
    i64: plan.local('i64'),
    f32: plan.local('f32'),
    f64: plan.local('f64'),
    v128: plan.local('v128'),
  };
  for (const [opcode, type, bytes] of STORES)
    plan.replace(opcode, (site, out) => {
      const place = placeOf(site);
      const { address } = memories[place.memory]!;
      const at = site.firstLocal + addresses[address];
      const value = site.firstLocal + values[type];
      const lane = opcode > V128_STORE ? site.source[site.end - 1]! * bytes : 0;
      emit(out, Op.localSet, value);
      emit(out, Op.localSet, at);
      const byte = (number: number) => {
        if (place.offset + BigInt(number) > MOST[address]) return;
        emit(out, Op.localGet, at);
        emit(out, Op.localGet, value);
        storeByte(out, type, number, lane, place);
      };
      byte(0);
      if (ends) byte(bytes - 1);
      emit(out, Op.localGet, at);
      emit(out, Op.localGet, value);
      copyOriginal(site, out);
    });
}

/** Stores a byte of the value on the stack where the whole of it would put it; `first`: the first byte of the lane. */
function storeByte(out: Writer, type: Stored, number: number, first: number, { memory, offset }: Place): void {
  const place = { memory, offset: offset + BigInt(number) };
  if (type === 'v128') {
    writeAccess(out, V128_STORE8_LANE, place);
    out.u8(first + number);
    return;
  }
  if (type === 'f32') out.u8(Op.i32ReinterpretF32);
  else if (type === 'f64') out.u8(Op.i64ReinterpretF64);
  const wide = type === 'i64' || type === 'f64';
  if (number > 0) {
    emitConst(out, wide ? 'i64' : 'i32', 8 * number);
    emit(out, wide ? Op.i64ShrU : I32_SHR_U);
  }
  writeAccess(out, wide ? I64_STORE8 : Op.i32Store8, place);
}
