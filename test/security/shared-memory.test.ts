// Row 26: memory that threads share, by which programs make themselves clocks, is for who was given it.
import { describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { CPUS, wat } from '../machine/guests.ts';

const SHARED = '(memory (export "memory") 1 4 shared)';
const START = '(func (export "_start") (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))';

describe.each(CPUS)('cpus: %i', (cpus) => {
  test.each([
    ['defined', `${SHARED} ${START}`],
    ['imported', `(import "env" "memory" (memory 1 4 shared)) ${START}`],
    ['a second one', `(memory (export "memory") 1) (memory 1 1 shared) ${START}`],
    ['not exported', `(memory 1 1 shared) ${START}`],
  ])('a program with shared memory, %s, starts with the capability threads only', async (_what, fields) => {
    await using machine = await Machine.boot({ cpus });
    const source = await wat(fields);
    for (const grants of [undefined, [], ['clock', 'random', 'network', 'filesystem']]) {
      const process = machine.process(source);
      if (grants !== undefined) process.capabilities(grants);
      await expect(process.run()).rejects.toMatchObject({
        code: 'not-runnable',
        message: expect.stringContaining('--cap threads'),
      });
    }
    expect((await machine.process(source).capabilities(['threads']).run()).status).toMatchObject({ reason: 'exit', code: 0 });
  });

  test('memory that is not shared needs nothing', async () => {
    await using machine = await Machine.boot({ cpus });
    const source = await wat(`(memory (export "memory") 1 4) ${START}`);
    expect((await machine.process(source).capabilities([]).run()).status).toMatchObject({ code: 0 });
  });
});
