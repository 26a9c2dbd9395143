// Devices that a permit allows: what waits for them hears of its end, and adds nothing to what waits for that.
import { expect, test, vi } from 'vitest';
import type { Stream } from '../../src/hal/console.ts';
import type { File } from '../../src/hal/disk.ts';
import { devices } from '../../src/kernel/vfs/device.ts';

function setUp() {
  const input = Promise.withResolvers<void>();
  const stream: Stream = {
    type: 'terminal',
    read: () => 'AGAIN',
    write: () => 'AGAIN',
    ready: () => input.promise,
    close: () => undefined,
  };
  const end = Promise.withResolvers<void>();
  const gone = end.promise;
  const heard = vi.spyOn(gone, 'then');
  const permit = { live: true, gone: () => gone };
  const options = {
    read: true,
    write: true,
    create: false,
    exclusive: false,
    truncate: false,
    directory: false,
    follow: false,
    append: false,
    sync: 'none',
    nonblocking: false,
  } as const;
  const tty = devices({ terminal: { input: stream, output: stream, permit } }).open('tty', options) as File;
  const revoke = () => {
    permit.live = false;
    end.resolve();
  };
  return { tty, input, revoke, waiters: () => heard.mock.calls.length };
}

test('a process that asks without end whether it can read makes one wait for the end of its permit', async () => {
  const { tty, input, waiters } = setUp();
  const first = tty.ready('read');
  for (let i = 0; i < 10_000; i++) expect(tty.ready('read')).toBe(first);
  expect(waiters()).toBe(1);
  input.resolve();
  await first;
});

test('the end of the permit ends every wait', async () => {
  const { tty, revoke } = setUp();
  const waits = [tty.ready('read'), tty.ready('write')];
  revoke();
  await Promise.all(waits);
  expect([tty.read(new Uint8Array(1), 0, 1, 0), tty.write(new Uint8Array(1), 0, 1, 0), tty.ready('read')]).toEqual([
    'NXIO',
    'NXIO',
    undefined,
  ]);
});
