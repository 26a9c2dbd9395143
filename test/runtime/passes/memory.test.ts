import { describe, expect, test } from 'vitest';
import { link, wat } from '../tools.ts';

const I32_MAX = 2 ** 31 - 1;

describe('memory', () => {
  test('defined and imported memories are imported from the kernel, in order, with minimum 0', async () => {
    const source = await wat(`
      (import "env" "memory" (memory 2 9))
      (memory 3) (memory i64 4 5) (memory 1 7 shared)
      (func (export "sizes") (result i32 i32 i64 i32)
        (memory.size 0) (memory.size 1) (memory.size 2) (memory.size 3))`);
    const { bytes, layout, call } = link(source);
    expect(layout.memories).toEqual([
      { import: { module: 'env', name: 'memory' }, minimum: 2, maximum: 9, shared: false, address: 'i32' },
      { minimum: 3, shared: false, address: 'i32' },
      { minimum: 4, maximum: 5, shared: false, address: 'i64' },
      { minimum: 1, maximum: 7, shared: true, address: 'i32' },
    ]);
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes as BufferSource));
    expect(imports.filter(({ kind }) => kind === 'memory').map(({ module, name }) => `${module} ${name}`)).toEqual([
      'superos:kernel memory0',
      'superos:kernel memory1',
      'superos:kernel memory2',
      'superos:kernel memory3',
    ]);
    expect(call('sizes')).toEqual([2, 3, 4n, 1]);
  });

  test('the kernel may provide less than the module declares', async () => {
    const source = await wat('(memory 1) (func (export "load") (result i32) (i32.load (i32.const 0)))');
    const { layout, bytes } = link(source);
    expect(layout.memories[0]!.minimum).toBe(1);
    const memory0 = new WebAssembly.Memory({ initial: 0 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), {
      'superos:kernel': { memory0, memory_grow: () => -1 },
    });
    const { load } = exports as { load: () => number };
    expect(() => load()).toThrow(WebAssembly.RuntimeError);
  });

  test('memory.grow asks the kernel: which memory, how many pages', async () => {
    const asked: number[][] = [];
    const source = await wat(`(memory 1) (memory 1)
      (func (export "grow") (param i32) (result i32) (memory.grow 1 (local.get 0)))`);
    const { call } = link(source, {
      memoryGrow: (memory, pages) => {
        asked.push([memory!, pages! >>> 0]);
        return pages === 3 ? 17 : -1;
      },
    });
    expect(call('grow', 3)).toBe(17);
    expect(call('grow', -1)).toBe(-1);
    expect(asked).toEqual([
      [1, 3],
      [1, 0xffff_ffff],
    ]);
  });

  test('a 64-bit memory.grow beyond 31 bits fails without asking', async () => {
    const asked: number[] = [];
    const source = await wat('(memory i64 1) (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))');
    const { call } = link(source, {
      memoryGrow: (_memory, pages) => {
        asked.push(pages!);
        return pages === 7 ? -1 : 5;
      },
    });
    expect(call('grow', BigInt(I32_MAX))).toBe(5n);
    expect(call('grow', 7n)).toBe(-1n);
    for (const delta of [BigInt(I32_MAX) + 1n, 1n << 32n, 1n << 63n, -1n]) expect(call('grow', delta)).toBe(-1n);
    expect(asked).toEqual([I32_MAX, 7]);
  });

  test('a module without memory gets no import of the pass', async () => {
    const { bytes } = link(await wat('(func (export "f"))'));
    expect(WebAssembly.Module.imports(new WebAssembly.Module(bytes as BufferSource))).toEqual([]);
  });
});
