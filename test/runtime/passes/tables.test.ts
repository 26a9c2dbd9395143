import { describe, expect, test } from 'vitest';
import { link, wat } from '../tools.ts';

describe('tables', () => {
  test('table.grow asks for the size it would have, then grows', async () => {
    const asked: number[][] = [];
    const source = await wat(`(table 1 funcref) (table 2 externref)
      (func (export "grow") (param externref i32) (result i32) (table.grow 1 (local.get 0) (local.get 1)))
      (func (export "size") (result i32) (table.size 1))
      (func (export "get") (param i32) (result externref) (table.get 1 (local.get 0)))`);
    const { call } = link(source, {
      tableSize: (table, size) => {
        asked.push([table!, size!]);
        return size! <= 5 ? 1 : 0;
      },
    });
    const value = {};
    expect(call('grow', value, 3)).toBe(2);
    expect(call('grow', value, 1)).toBe(-1);
    expect(call('size')).toBe(5);
    expect(call('get', 4)).toBe(value);
    expect(asked).toEqual([
      [1, 5],
      [1, 6],
    ]);
  });

  test.each([
    ['i32', [-1, -2, 0x7fff_ffff]],
    ['i64', [-1n, -2n, 1n << 62n, 1n << 32n, 0x7fff_ffffn]],
  ] as const)('a size that overflows or exceeds 31 bits fails without asking: %s', async (address, deltas) => {
    const source = await wat(`(table ${address} 2 funcref)
      (func (export "grow") (param ${address}) (result ${address}) (table.grow (ref.null func) (local.get 0)))`);
    const { call } = link(source);
    for (const delta of deltas) expect(call('grow', delta)).toBe(address === 'i64' ? -1n : -1);
  });

  test('a table of non-nullable concrete references', async () => {
    const source = await wat(`(type $f (func (result i32))) (elem declare func $seven)
      (func $seven (type $f) (i32.const 7))
      (table $t 1 (ref $f) (ref.func $seven))
      (func (export "grow") (result i32) (table.grow $t (ref.func $seven) (i32.const 2)))
      (func (export "call") (param i32) (result i32) (call_ref $f (table.get $t (local.get 0))))`);
    const { call } = link(source, { tableSize: () => 1 });
    expect(call('grow')).toBe(1);
    expect(call('call', 2)).toBe(7);
  });

  test('the layout lists tables with types and limits', async () => {
    const source = await wat('(import "env" "t" (table 3 externref)) (table 1 2 funcref) (table i64 4 anyref)');
    const { layout } = link(source, {
      imports: { env: { t: new WebAssembly.Table({ element: 'externref', initial: 3 }) } },
    });
    expect(layout.tables).toEqual([
      { import: { module: 'env', name: 't' }, element: 'externref', minimum: 3, address: 'i32' },
      { element: 'funcref', minimum: 1, maximum: 2, address: 'i32' },
      { element: 'anyref', minimum: 4, address: 'i64' },
    ]);
  });
});
