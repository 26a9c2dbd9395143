import { describe, expect, test } from 'vitest';
import { link, start, wat } from '../tools.ts';

describe('entry and segments', () => {
  test('nothing to run: no entry', async () => {
    const { layout } = link(await wat('(memory 1) (table 1 funcref) (elem (i32.const 0) $f) (func $f)'));
    expect(layout.entry).toBeUndefined();
  });

  test('nothing of the memory is written before the entry is called', async () => {
    const source = await wat('(memory 1) (data (i32.const 3) "abc")');
    const { call, layout, memories } = link(source);
    const seen = () => [...new Uint8Array(memories[0]!.buffer, 2, 5)];
    expect(seen()).toEqual([0, 0, 0, 0, 0]);
    call(layout.entry!);
    expect(seen()).toEqual([0, 97, 98, 99, 0]);
  });

  test('segments come in order, then the start function, which sees them', async () => {
    const source = await wat(`(memory 1) (global $base i32 (i32.const 4)) (global $seen (export "seen") (mut i32) (i32.const 0))
      (data (i32.const 4) "aaaa") (data (offset (i32.add (global.get $base) (i32.const 1))) "bb") (data "passive")
      (start $s) (func $s (global.set $seen (i32.load (i32.const 4))))`);
    const { exports, memories } = start(source);
    expect(Buffer.from(memories[0]!.buffer, 4, 4).toString()).toBe('abba');
    const { seen } = exports as unknown as { seen: WebAssembly.Global };
    expect(seen.value).toBe(Buffer.from('abba').readInt32LE());
  });

  test('a segment out of bounds traps, what came before it stays, what comes after is not done', async () => {
    const source = await wat(`(memory 1) (data (i32.const 0) "x") (data (i32.const 65535) "yz") (data (i32.const 1) "w")
      (start $s) (func $s (i32.store8 (i32.const 2) (i32.const 1)))`);
    const { call, layout, memories } = link(source);
    expect(() => call(layout.entry!)).toThrow(WebAssembly.RuntimeError);
    expect([...new Uint8Array(memories[0]!.buffer, 0, 3)]).toEqual([120, 0, 0]);
  });

  test('applied segments are dropped, passive ones are not', async () => {
    const source = await wat(`(memory 1) (data $a (i32.const 0) "a") (data $p "p")
      (func (export "active") (memory.init $a (i32.const 8) (i32.const 0) (i32.const 1)))
      (func (export "passive") (memory.init $p (i32.const 9) (i32.const 0) (i32.const 1)))`);
    const { call, memories } = start(source);
    expect(() => call('active')).toThrow(WebAssembly.RuntimeError);
    call('passive');
    expect(new Uint8Array(memories[0]!.buffer)[9]).toBe(112);
  });

  test('segments of other and of 64-bit memories', async () => {
    const source = await wat(`(memory 1) (memory $b i64 1) (data (memory $b) (i64.const 7) "q")`);
    expect(new Uint8Array(start(source).memories[1]!.buffer)[7]).toBe(113);
  });

  test('an imported start function goes through its stub', async () => {
    let calls = 0;
    const source = await wat('(import "sys" "boot" (func $boot)) (start $boot)');
    const { call, layout } = link(source, { imports: { sys: { boot: () => -++calls } }, wait: () => Number.NaN });
    expect(calls).toBe(0);
    expect(() => call(layout.entry!)).toThrow(/unreachable/);
    expect(calls).toBe(1);
  });

  test('the name of the entry is one that the module does not use', async () => {
    const source = await wat('(func $s (export "superos:entry") (export "superos:entry-2")) (start $s)');
    expect(link(source).layout.entry).toBe('superos:entry-3');
  });
});
