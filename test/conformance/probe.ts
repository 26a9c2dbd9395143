// A generated module that calls one function with constants and compares its results inside Wasm: JavaScript can neither pass a
// v128 nor see the bits of a NaN.

import { Op, SIMD } from '../../src/runtime/opcodes.ts';
import { emit, emitConst } from '../../src/runtime/plan.ts';
import { type FunctionType, writeFunctionType, writeValueType } from '../../src/runtime/types.ts';
import { Writer } from '../../src/runtime/writer.ts';
import type { Bits, Value } from './wast.ts';

const I32_EQ = 0x46;
const I64_EQ = 0x51;
const I32_AND = 0x71;
const I64_AND = 0x83;
const I32_OR = 0x72;
const I32_REINTERPRET = 0xbc;
const I64_REINTERPRET = 0xbd;
const F32_CONST = 0x43;
const F64_CONST = 0x44;
const REF_NULL = 0xd0;
const REF_IS_NULL = 0xd1;
const V128_CONST = SIMD + 12;
const LANES: Readonly<Record<number, { extract: number; wide: boolean }>> = {
  8: { extract: 22, wide: false },
  16: { extract: 25, wide: false },
  32: { extract: 27, wide: false },
  64: { extract: 29, wide: true },
};

function bytesOf(bits: bigint, width: number): number[] {
  return Array.from({ length: width / 8 }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
}

function exact(bits: Bits): bigint {
  if (typeof bits !== 'bigint') throw new Error(`${bits} is no argument`);
  return bits;
}

function pushInteger(out: Writer, bits: bigint, wide: boolean): void {
  if (!wide) {
    emitConst(out, 'i32', Number(BigInt.asIntN(32, bits)));
    return;
  }
  out.u8(Op.i64Const);
  let rest = BigInt.asIntN(64, bits);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const last = low & 0x40 ? rest === -1n : rest === 0n;
    out.u8(last ? low : low | 0x80);
    if (last) return;
  }
}

function push(out: Writer, value: Value): void {
  switch (value.type) {
    case 'i32':
    case 'i64':
      pushInteger(out, exact(value.bits), value.type === 'i64');
      return;
    case 'f32':
      out.u8(F32_CONST).raw(Uint8Array.from(bytesOf(exact(value.bits), 32)));
      return;
    case 'f64':
      out.u8(F64_CONST).raw(Uint8Array.from(bytesOf(exact(value.bits), 64)));
      return;
    case 'v128':
      emit(out, V128_CONST);
      for (const lane of value.lanes) out.raw(Uint8Array.from(bytesOf(exact(lane), value.width)));
      return;
    case 'ref': {
      const heap = new Writer();
      writeValueType(heap, value.kind === 'null' ? 'externref' : value.kind);
      out.u8(REF_NULL).raw(heap.result());
      return;
    }
    default:
      throw new Error(`${value.type} is no argument`);
  }
}

/** Compares the integer on the stack with bits, or with a class of NaNs. */
function compareBits(out: Writer, bits: Bits, wide: boolean): void {
  const equal = wide ? I64_EQ : I32_EQ;
  if (typeof bits === 'bigint') {
    pushInteger(out, bits, wide);
    emit(out, equal);
    return;
  }
  const quiet = wide ? 0x7ff8_0000_0000_0000n : 0x7fc0_0000n;
  const mask = bits === 'nan:arithmetic' ? quiet : wide ? 0x7fff_ffff_ffff_ffffn : 0x7fff_ffffn;
  pushInteger(out, mask, wide);
  emit(out, wide ? I64_AND : I32_AND);
  pushInteger(out, quiet, wide);
  emit(out, equal);
}

/** Leaves 1 where local `index` is `expected`. */
function compare(out: Writer, index: number, expected: Value): void {
  switch (expected.type) {
    case 'i32':
    case 'i64':
      emit(out, Op.localGet, index);
      compareBits(out, expected.bits, expected.type === 'i64');
      return;
    case 'f32':
    case 'f64':
      emit(out, Op.localGet, index);
      emit(out, expected.type === 'f64' ? I64_REINTERPRET : I32_REINTERPRET);
      compareBits(out, expected.bits, expected.type === 'f64');
      return;
    case 'v128': {
      const { extract, wide } = LANES[expected.width]!;
      expected.lanes.forEach((lane, i) => {
        emit(out, Op.localGet, index);
        emit(out, SIMD + extract);
        out.u8(i);
        compareBits(out, lane, wide);
        if (i > 0) emit(out, I32_AND);
      });
      return;
    }
    case 'ref':
      if (expected.kind !== 'null') throw new Error(`a probe cannot recognise ref.${expected.kind}`);
      emit(out, Op.localGet, index);
      emit(out, REF_IS_NULL);
      return;
    case 'either':
      expected.values.forEach((value, i) => {
        compare(out, index, value);
        if (i > 0) emit(out, I32_OR);
      });
  }
}

function section(out: Writer, id: number, content: Writer): void {
  out.u8(id).sized(content);
}

/** Calls `callee`, of type `type`; true where the results are those expected (any, if undefined). Traps and throws as it does. */
export function probe(
  callee: unknown,
  type: FunctionType,
  args: readonly Value[],
  expected: readonly Value[] | undefined,
): boolean {
  const body = new Writer(256).u32(type.results.length);
  for (const result of type.results) writeValueType(body.u32(1), result);
  for (const argument of args) push(body, argument);
  emit(body, Op.call, 0);
  for (let i = type.results.length - 1; i >= 0; i--) emit(body, Op.localSet, i);
  emitConst(body, 'i32', expected && expected.length !== type.results.length ? 0 : 1);
  expected?.forEach((value, i) => {
    if (i >= type.results.length) return;
    compare(body, i, value);
    emit(body, I32_AND);
  });
  emit(body, Op.end);

  const types = new Writer().u32(2);
  writeFunctionType(types, type);
  writeFunctionType(types, { params: [], results: ['i32'] });
  const out = new Writer(body.length + 256).raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
  section(out, 1, types);
  section(out, 2, new Writer().u32(1).name('m').name('f').u8(0).u32(0));
  section(out, 3, new Writer().u32(1).u32(1));
  section(out, 7, new Writer().u32(1).name('probe').u8(0).u32(1));
  section(out, 10, new Writer(body.length + 16).u32(1).sized(body));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(out.result()), { m: { f: callee } });
  const { probe: run } = exports as { probe: () => number };
  return run() === 1;
}
