// SECURITY.md 18. poll_oneoff with 0, 1, 65,536, 2^31 and 2^32-1 subscriptions (WAMR 1951): what the kernel holds does not follow
// the number.
import { expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { guest, until, WASI, wat } from '../machine/guests.ts';

/** What the kernel takes at once. */
const SUBSCRIPTIONS_MAX = 4096;

test('numbers without end are refused', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  const before = process.memoryUsage.rss();
  const { stdout, status } = await machine.process(guest('poll-many')).run();
  expect(status).toMatchObject({ reason: 'exit', code: 0 });
  const lines = stdout.toString().trim().split('\n');
  expect(lines.slice(0, 3)).toEqual(['0: EINVAL 0', '1: SUCCESS 1', '65536: EINVAL 0']);
  for (const line of lines.slice(3)) expect(line).toMatch(/^\d+: (EINVAL|EFAULT) 0$/);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
});

test('the largest number that is taken works, many times over, and holds little', async () => {
  await using machine = await Machine.boot({ cpus: 0 });
  // All wait for input that never comes.
  const module = await wat(`${WASI('poll_oneoff')}
    (memory (export "memory") 8)
    (func (export "_start") (local $i i32)
      (loop $next
        (i32.store8 (i32.add (i32.mul (local.get $i) (i32.const 48)) (i32.const 8)) (i32.const 1))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const ${SUBSCRIPTIONS_MAX}))))
      (drop (call $poll_oneoff (i32.const 0) (i32.const 262144) (i32.const ${SUBSCRIPTIONS_MAX}) (i32.const 524280))))`);
  const program = await machine.compile(module);
  const before = process.memoryUsage().heapUsed;
  const children = await Promise.all(Array.from({ length: 20 }, () => machine.process(program).spawn()));
  await until(() => children.every((child) => child.info().state === 'blocked'));
  // Of 4,096 subscriptions each.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * SUBSCRIPTIONS_MAX * 1024);
  for (const child of children) child.stdin?.end();
  for (const child of children) expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0 });
});
