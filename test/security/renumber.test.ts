// SECURITY.md 19. fd_renumber onto itself, onto huge numbers, in loops (RUSTSEC-2025-0046, RUSTSEC-2026-0182): descriptors are
// conserved, and no table follows a number that a guest names.
import { expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { guest, hostDescriptors, temporaryTree, WASI, wat } from '../machine/guests.ts';

test('a hundred thousand times', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  using tree = temporaryTree();
  const { stdout, status } = await machine
    .process(guest('renumber'))
    .args(['20000'])
    .capabilities(['clock', { dir: tree.path }])
    .run();
  expect([stdout.toString(), status]).toEqual(['', expect.objectContaining({ reason: 'exit', code: 0 })]);
  expect(hostDescriptors(tree.path)).toBe(0);
});

test('standard streams too: what is replaced is closed, once', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  const module = await wat(`${WASI('fd_renumber', 'fd_write', 'fd_close')}
    (memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 64) "ok")
    (func (export "f") (result i32 i32 i32 i32 i32)
      (call $fd_renumber (i32.const 1) (i32.const 2))
      (call $fd_renumber (i32.const 1) (i32.const 2))
      (call $fd_renumber (i32.const 2) (i32.const 2))
      (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16))
      (call $fd_close (i32.const 1)))`);
  const { stdout, stderr, results } = await machine.process(module).invoke('f').run();
  expect([stdout.toString(), stderr.toString(), results]).toEqual(['ok', '', [0, 8, 0, 0, 8]]);
});
