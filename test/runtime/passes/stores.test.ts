// Stores whose bytes are probed: they leave in memory what the same stores do that are not.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KERNEL_MODULE, load } from '../../../src/runtime/loader.ts';

const BYTES = 65_536;
const value = (type: string): string =>
  ({
    i32: '(i32.wrap_i64 (local.get $i))',
    i64: '(local.get $i)',
    f32: '(f32.reinterpret_i32 (i32.wrap_i64 (local.get $i)))',
    f64: '(f64.reinterpret_i64 (local.get $i))',
    v128: '(i64x2.replace_lane 1 (i64x2.splat (local.get $i)) (i64.rotl (local.get $i) (i64.const 13)))',
  })[type]!;
const STORES: readonly string[] = [
  'i32.store',
  'i64.store',
  'f32.store',
  'f64.store',
  'i32.store8',
  'i32.store16',
  'i64.store8',
  'i64.store16',
  'i64.store32',
  'v128.store',
  ...[8, 16, 32, 64].flatMap((bits) => Array.from({ length: 128 / bits }, (_, lane) => `v128.store${bits}_lane ${lane}`)),
];
const OFFSETS = [0, 1, 3, 65_500, 4_294_967_290, 4_294_967_295];

const instance = (bytes: Uint8Array) => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const kernel = { memory0: memory, epoch, wait: () => 0, memory_grow: () => -1, touch: () => 1 };
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { [KERNEL_MODULE]: kernel }).exports as {
    f: (at: number, value: bigint) => void;
  };
  return (at: number, stored: bigint): { trapped: boolean; bytes: Buffer } => {
    const all = new Uint8Array(memory.buffer);
    all.fill(0xa5);
    let trapped = false;
    try {
      f(at, stored);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      trapped = true;
    }
    return { trapped, bytes: Buffer.from(all) };
  };
};

test.each(STORES)('%s', async (text) => {
  const type = /^[a-z0-9]+/.exec(text)![0];
  const [name, lane = ''] = text.split(' ');
  for (const offset of OFFSETS) {
    const source = await parse(`(module (memory 1 1) (func (export "f") (param $at i32) (param $i i64)
      (${name} offset=${offset} ${lane} (local.get $at) ${value(type)})))`);
    for (const probe of [true, 'ask'] as const) {
      const plain = instance(load(source, { probe }).bytes);
      const probed = instance(load(source, { probe, probeStores: true }).bytes);
      const near = fc.oneof(
        fc.integer({ min: 0, max: BYTES + 20 }),
        fc.integer({ min: BYTES - 20, max: BYTES + 20 }),
        fc.constant(-1),
      );
      fc.assert(
        fc.property(near, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (at, stored) => {
          const [wanted, found] = [plain(at, stored), probed(at, stored)];
          expect(found.trapped).toBe(wanted.trapped);
          // What is partly out of bounds may have been stored in part: it ends the process.
          if (!wanted.trapped) expect(found.bytes.equals(wanted.bytes)).toBe(true);
        }),
        { numRuns: 20 },
      );
    }
  }
});

test('a program whose pages are never protected has no probes', async () => {
  const source = await parse('(module (memory 1 1) (func (export "f") (param i32) (i32.store (local.get 0) (i32.const 7))))');
  const bytes = (probeStores: boolean) => Buffer.from(load(source, { probe: false, probeStores }).bytes);
  expect(bytes(true).equals(bytes(false))).toBe(true);
});
