// What the simulated processes run: most wait for ever, with memories of several sizes, some end at once.

import { program } from '../kernel/machine.ts';
import { WASI } from '../machine/guests.ts';
import type { Guest } from './accounts.ts';

const READ = '(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))';
const IOVEC = '(data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")';

export async function guests(): Promise<readonly Guest[]> {
  const reader = async (pages: number): Promise<Guest> => ({
    program: await program(`${WASI('fd_read')} (memory (export "memory") ${pages}) ${IOVEC} (func (export "_start") ${READ})`),
    pages,
  });
  return Promise.all([
    reader(1),
    reader(2),
    reader(7),
    reader(30),
    { program: await program('(func (export "_start"))'), pages: 0 },
    { program: await program('(memory (export "memory") 3) (func (export "_start") unreachable)'), pages: 3 },
  ]);
}
