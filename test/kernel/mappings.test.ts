// Mappings of a process, on real pages: what is there, what guards it, and that what is taken away is gone at once.
import { describe, expect, test } from 'vitest';
import type { Capability } from '../../src/caps/capability.ts';
import { REGION_RIGHT, REGION_RIGHTS, RegionObject, regionRoot } from '../../src/caps/region.ts';
import type { SimHal } from '../../src/hal/sim/hal.ts';
import type { Process } from '../../src/kernel/process.ts';
import { loadProgram } from '../../src/runtime/program.ts';
import { ERRNO } from '../../src/syscalls/errno.ts';
import { nativeMmu } from '../hal/mmus.ts';
import { wat } from '../machine/guests.ts';
import { runUntil, simulated, stream } from './machine.ts';

const mmu = nativeMmu();
const PAGE = 65_536;
const HANDLE = 2 ** 30 + 2;
const NONE = 0;
const READ = 1;
const WRITE = 2;

const GUEST = `
  (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
  (import "superos" "mem_alloc" (func $alloc (param i32 i32 i32) (result i32)))
  (import "superos" "mem_unmap" (func $unmap (param i32 i32) (result i32)))
  (import "superos" "mem_protect" (func $protect (param i32 i32 i32) (result i32)))
  (import "superos" "mem_info" (func $info (param i32 i32 i32) (result i32)))
  (import "superos" "mem_derive" (func $derive (param i32 i32 i32) (result i32)))
  (import "superos" "cap_drop" (func $drop (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "map") (param i32 i32 i32 i32) (result i32) (call $map (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "alloc") (param i32 i32 i32) (result i32) (call $alloc (local.get 0) (local.get 1) (local.get 2)))
  (func (export "unmap") (param i32 i32) (result i32) (call $unmap (local.get 0) (local.get 1)))
  (func (export "protect") (param i32 i32 i32) (result i32) (call $protect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "info") (param i32 i32 i32) (result i32) (call $info (local.get 0) (local.get 1) (local.get 2)))
  (func (export "derive") (param i32 i32 i32) (result i32) (call $derive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (param i32) (result i32) (call $drop (local.get 0)))
  (func (export "random") (param i32 i32) (result i32) (call $random (local.get 0) (local.get 1)))
  (func $vector (param i32 i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)))
  (func (export "read") (param i32 i32) (result i32) (call $vector (local.get 0) (local.get 1))
    (call $read (i32.const 3) (i32.const 16) (i32.const 1) (i32.const 24)))
  (func (export "write") (param i32 i32) (result i32) (call $vector (local.get 0) (local.get 1))
    (call $write (i32.const 3) (i32.const 16) (i32.const 1) (i32.const 24)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "add") (param i32) (result i32) (i32.atomic.rmw.add (local.get 0) (i32.const 1)))
  (func (export "pages") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))`;

const program = await loadProgram(await wat(GUEST));
const call = async (process: Process, name: string, ...args: number[]) => (await process.call({ name, args }))[0] as number;

describe.skipIf(mmu === undefined)('on pages of the host', () => {
  const machine = simulated({}, (hal) => ({ ...hal, mmu }) as unknown as SimHal);
  const make = (bytes: number, rights: number = REGION_RIGHTS) => {
    const own = mmu!.region(bytes)!;
    const root = regionRoot(new RegionObject(mmu!.open(own.handle, own.bytes)!), rights, 'region:test');
    return { root, view: own.view };
  };
  const spawn = (root?: Capability<RegionObject>, descriptors: Capability[] = [], limits = {}) =>
    machine.spawn(program, {
      task: 'reactor',
      descriptors,
      limits,
      handles: root === undefined ? [] : [root.derive(root.rights, 0)],
    }).process;
  const word = async (process: Process, at = 0) => call(process, 'load', at);

  const map = async (process: Process, access: number, at = 0, handle = HANDLE): Promise<number> => {
    expect(await call(process, 'map', handle, at, access, 0)).toBe(0);
    return word(process);
  };
  const alloc = async (process: Process, bytes: number, access = WRITE): Promise<number> => {
    expect(await call(process, 'alloc', bytes, access, 0)).toBe(0);
    return word(process);
  };
  const trap = async (process: Process, name: string, ...args: number[]): Promise<string> => {
    await call(process, name, ...args).catch(() => undefined);
    const status = await process.done;
    expect(status.reason).toBe('trap');
    return status.message!.split('\n')[0]!;
  };

  test('a region is one memory in all that map it, and for its embedder', async () => {
    const { root, view } = make(3 * PAGE);
    const [one, two] = [spawn(root), spawn(root)];
    const [a, b] = [await map(one, WRITE), await map(two, READ)];
    expect([a % PAGE, b % PAGE]).toEqual([0, 0]);
    await call(one, 'store', a + 3 * PAGE - 4, 1234);
    expect(await word(two, b + 3 * PAGE - 4)).toBe(1234);
    expect(new DataView(view.buffer).getInt32(3 * PAGE - 4, true)).toBe(1234);
    view[5] = 9;
    expect((await word(one, a + 4)) >> 8).toBe(9);
    one.signal('SIGKILL');
    await one.done;
    expect(await word(two, b + 3 * PAGE - 4)).toBe(1234);
    expect(await trap(two, 'store', b, 1)).toMatch(/region:test at 0x\w+-0x\w+, which can only be read/);
  });

  test.each([
    ['before', -1],
    ['behind', PAGE],
    ['far behind', PAGE + 40_000],
  ])('a touch %s it traps', async (_where, offset) => {
    for (const name of ['load', 'store', 'fill', 'add']) {
      const process = spawn(make(PAGE).root);
      const at = (await map(process, WRITE)) + offset;
      const message = await trap(process, name, at & ~3, ...(name === 'store' || name === 'fill' ? [1] : []));
      expect(message).toContain('memory access out of bounds');
      expect(message).toContain('guard page');
    }
  });

  test('after revoke nobody has it', async () => {
    const { root } = make(PAGE);
    const [reader, writer, other] = [spawn(root), spawn(root), spawn(root)];
    const at = await map(reader, READ);
    await map(writer, WRITE);
    await map(other, WRITE);
    // A capability that is given up takes nothing away.
    expect(await call(other, 'drop', HANDLE)).toBe(0);
    await call(other, 'store', at, 3);
    root.revoke();
    expect(await trap(reader, 'load', at)).toContain('region:test at 0x20000-0x30000, which was revoked');
    expect(await trap(writer, 'store', at, 1)).toContain('which was revoked');
    expect(await call(other, 'random', at, 4)).toBe(ERRNO.FAULT);
    expect(await call(other, 'map', HANDLE, 0, READ, 0)).toBe(ERRNO.BADF);
    expect(await trap(other, 'add', at)).toMatch(/a write of 4 bytes at 0x20000 touches region:test .* revoked/);
  });

  test('a call that waits while it is revoked harms nobody', async () => {
    let ready = Promise.withResolvers<void>();
    let full = false;
    const input = stream({
      read: (into, at, length) => {
        if (!full) return 'AGAIN';
        into.fill(5, at, at + length);
        return length;
      },
      ready: () => ready.promise,
    });
    const { root, view } = make(PAGE);
    const process = spawn(root, [input]);
    const at = await map(process, WRITE);
    const answer = call(process, 'read', at, 100);
    await runUntil(machine.hal, () => process.thread.inCall);
    root.revoke();
    full = true;
    ready.resolve();
    ready = Promise.withResolvers();
    expect(await answer).toBe(0);
    expect(view[0]).toBe(0);
    expect(await trap(process, 'load', at)).toContain('revoked');
  });

  test('no call touches what the guest may not', async () => {
    const { root } = make(PAGE);
    const written: number[] = [];
    const output = stream({
      write: (_from, _at, length) => {
        written.push(length);
        return length;
      },
    });
    const process = spawn(root, [output]);
    const at = await map(process, READ);
    expect(await call(process, 'write', at, 100)).toBe(0);
    expect(await call(process, 'write', at - 1, 2)).toBe(ERRNO.FAULT);
    expect(await call(process, 'write', at + PAGE - 1, 2)).toBe(ERRNO.FAULT);
    expect(await call(process, 'read', at, 1)).toBe(ERRNO.FAULT);
    expect(await call(process, 'random', at, 0)).toBe(0);
    expect(await call(process, 'random', at, 1)).toBe(ERRNO.FAULT);
    expect(await call(process, 'protect', at, PAGE, NONE)).toBe(0);
    expect(await call(process, 'write', at, 1)).toBe(ERRNO.FAULT);
    expect(written).toEqual([100]);
  });

  test('nothing is more than its rights say', async () => {
    const readOnly = spawn(make(PAGE, REGION_RIGHT.read | REGION_RIGHT.map).root);
    expect(await call(readOnly, 'map', HANDLE, 0, WRITE, 0)).toBe(ERRNO.NOTCAPABLE);
    const at = await map(readOnly, READ);
    expect(await call(readOnly, 'protect', at, PAGE, WRITE)).toBe(ERRNO.ACCES);
    expect(await call(readOnly, 'derive', HANDLE, REGION_RIGHT.write, 0)).toBe(ERRNO.NOTCAPABLE);
    const unmappable = spawn(make(PAGE, REGION_RIGHT.read | REGION_RIGHT.write).root);
    expect(await call(unmappable, 'map', HANDLE, 0, READ, 0)).toBe(ERRNO.NOTCAPABLE);
    const { root } = make(PAGE);
    const process = spawn(root);
    expect(await call(process, 'derive', HANDLE, REGION_RIGHT.read | REGION_RIGHT.map, 0)).toBe(0);
    const handle = await word(process);
    expect(await call(process, 'map', handle, 0, WRITE, 0)).toBe(ERRNO.NOTCAPABLE);
    await map(process, READ, 0, handle);
    expect(await call(process, 'info', handle, 8, 0)).toBe(0);
    expect([await word(process, 8), await word(process)]).toEqual([PAGE, REGION_RIGHT.read | REGION_RIGHT.map]);
    expect(await call(process, 'map', HANDLE - 1, 0, READ, 0)).toBe(ERRNO.NOTCAPABLE);
    expect(await call(process, 'map', HANDLE, 0, 3, 0)).toBe(ERRNO.INVAL);
    expect(await call(process, 'map', HANDLE, PAGE, READ, 0)).toBe(ERRNO.INVAL);
    expect(await call(process, 'map', HANDLE, 0, READ, -2)).toBe(ERRNO.FAULT);
  });

  test('pages of its own come and go, and count', async () => {
    const process = spawn(undefined, [], { memory: 10 * PAGE });
    const at = await alloc(process, 2 * PAGE);
    await call(process, 'store', at, 5);
    expect(await call(process, 'protect', at, PAGE, READ)).toBe(0);
    expect(await word(process, at)).toBe(5);
    expect(await call(process, 'alloc', 8 * PAGE, WRITE, 0)).toBe(ERRNO.NOMEM);
    expect(await call(process, 'unmap', at + PAGE, PAGE)).toBe(0);
    expect(await call(process, 'protect', at, 2 * PAGE, READ)).toBe(ERRNO.NOMEM);
    expect(await call(process, 'unmap', at, PAGE)).toBe(0);
    const pages = await call(process, 'pages');
    for (let i = 0; i < 100; i++) {
      expect(await alloc(process, 2 * PAGE)).toBe(at);
      expect(await word(process, at)).toBe(0);
      await call(process, 'store', at, i);
      expect(await call(process, 'unmap', at, 2 * PAGE)).toBe(0);
    }
    expect(await call(process, 'pages')).toBe(pages);
    expect(await call(process, 'unmap', 0, PAGE)).toBe(ERRNO.INVAL);
    expect(await call(process, 'unmap', at + 1, PAGE)).toBe(ERRNO.INVAL);
    expect(await call(process, 'alloc', 0, WRITE, 0)).toBe(ERRNO.INVAL);
    expect(await trap(process, 'load', at)).toContain('guard page');
  });

  test('a region lies over pages of its own where it is told to, and they are zero when it goes', async () => {
    const { root } = make(PAGE);
    const process = spawn(root);
    const at = await alloc(process, 3 * PAGE);
    await call(process, 'fill', at, 3 * PAGE);
    expect(await map(process, WRITE, at + PAGE)).toBe(at + PAGE);
    expect([await word(process, at + PAGE - 4), await word(process, at + PAGE)]).toEqual([0x07070707, 0]);
    await call(process, 'copy', at, at + 1, 3 * PAGE - 1);
    expect(await word(process, at + PAGE)).toBe(0);
    expect(await call(process, 'grow', 1)).toBeGreaterThan(0);
    root.revoke();
    expect(await word(process, at)).toBe(0x07070707);
    expect(await call(process, 'random', at + PAGE, 1)).toBe(ERRNO.FAULT);
    expect(await trap(process, 'copy', at, at + 1, 3 * PAGE - 1)).toContain('revoked');
  });

  test('protections hold after the memory grew', async () => {
    const process = spawn(make(PAGE).root);
    const at = await map(process, READ);
    await call(process, 'grow', 5);
    expect(await call(process, 'random', at, 1)).toBe(ERRNO.FAULT);
    expect(await trap(process, 'store', at, 1)).toContain('can only be read');
  });

  test('what is not there for all is bounded', async () => {
    const process = spawn(make(PAGE).root);
    let error = 0;
    for (let i = 0; error === 0; i++) {
      expect(i).toBeLessThan(100);
      error = await call(process, 'alloc', PAGE, WRITE, 0);
    }
    expect(error).toBe(ERRNO.NOMEM);
  });

  test('all that can be mapped at once can be taken away at once', async () => {
    const { root } = make(PAGE);
    const process = spawn(root);
    const mapped: number[] = [];
    for (let i = 0; (await call(process, 'map', HANDLE, 0, i % 2 ? READ : WRITE, 0)) === 0; i++) mapped.push(await word(process));
    expect(mapped.length).toBeGreaterThan(8);
    root.revoke();
    for (const at of mapped) expect(await call(process, 'random', at, 1)).toBe(ERRNO.FAULT);
    expect(await trap(process, 'load', mapped[0]!)).toContain('revoked');
  });

  test('a template cannot be made of it', async () => {
    const process = spawn(make(PAGE).root);
    await map(process, READ);
    expect(await process.seal()).toContain('mapped memory');
  });
});

test('where nothing can be mapped, calls say so', async () => {
  const { process } = simulated().spawn(program, { task: 'reactor' });
  expect(await call(process, 'alloc', PAGE, WRITE, 0)).toBe(ERRNO.NOTSUP);
});
