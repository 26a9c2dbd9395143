// SECURITY.md 13. Every opcode that touches memory, at each kind of protected page that a process can have, compiled by each tier: a trap
// that names what was touched, and the host lives.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';

const child = path.join(import.meta.dirname, 'protected-pages-child.ts');
const OPCODES = 110;

describe.skipIf(nodeMmu().driver !== 'native').each([
  ['Liftoff', '--liftoff-only'],
  ['TurboFan', '--no-liftoff'],
])('%s', (_tier, flag) => {
  const run = async (...args: readonly string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', flag, child, ...args], { timeout: 120_000 });
    return stdout.trim().split('\n');
  };

  test.each([
    ['before', 'guard page'],
    ['behind', 'guard page'],
    ['revoked', 'revoked'],
    ['protected', 'made inaccessible'],
    ['unmapped', 'guard page'],
  ])('%s', { timeout: 120_000 }, async (kind, named) => {
    const lines = await run(kind);
    expect(lines.filter((line) => !line.includes(' trap: memory access out of bounds') || !line.includes(named))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(OPCODES);
  });

  test('what begins in a region and ends behind it', { timeout: 120_000 }, async () => {
    const lines = (await run('across')).filter((line) => /\((i32|i64|f32|f64|v128)\.(load|store)/.test(line));
    const single = /load8_(s|u|splat|lane)|store8/;
    const traps = (line: string) => line.includes(' trap: memory access out of bounds') && line.includes('guard page');
    expect(lines.filter((line) => (single.test(line) ? !line.includes(' no trap ') : !traps(line)))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(45);
  });

  test('a region that can be read: what stores traps, and nothing else', { timeout: 120_000 }, async () => {
    const lines = await run('readonly');
    const wrong = lines.filter((line) =>
      line.includes(' store ') ? !line.includes('which can only be read') : !line.includes(' no trap '),
    );
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(OPCODES);
  });

  test('a program without checks for preemption', { timeout: 120_000 }, async () => {
    const lines = await run('raw', 'revoked');
    expect(lines.filter((line) => !line.includes(' trap: memory access out of bounds'))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(OPCODES);
  });
});
