// `superos doctor`: each thing that a host may lack, had and lacked.
import { describe, expect, test } from 'vitest';
import { doctor, examine, hostProbes, type Probes } from '../../src/cli/doctor.ts';
import { superos } from '../e2e/command.ts';

const GOOD: Probes = {
  node: '26.1.0',
  v8: '14.6',
  jspi: () => true,
  ffi: () => true,
  direct: () => undefined,
  resolution: () => 'openat2',
  cache: () => ({ directory: '/home/u/.cache/superos/code', usable: true }),
  processBounds: () => [
    { name: 'vm.max_map_count', processes: 12_000 },
    { name: 'address space', processes: 16_000 },
  ],
  mmu: () => ({ driver: 'native', reason: undefined, pageBytes: 4096 }),
};

function report(probes: Partial<Probes>, json = false): { lines: string[]; status: number } {
  const lines: string[] = [];
  const status = doctor(json, { ...GOOD, ...probes }, (line) => lines.push(line));
  return { lines, status };
}

test('a host that has everything lacks nothing', () => {
  const { lines, status } = report({});
  expect(status).toBe(0);
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^ok {3}/);
  expect(lines.at(-1)).toBe('Programs can be run.');
  expect(lines.join('\n')).toContain('12000 by vm.max_map_count, 16000 by address space');
});

describe('without what is needed no program runs', () => {
  test.each<[Partial<Probes>, RegExp]>([
    [{ node: '24.3.0' }, /^FAIL node +24\.3\.0: Node 26 or later/],
    [{ jspi: () => false }, /^FAIL jspi +no: .*suspended/],
  ])('%j', (probes, line) => {
    const { lines, status } = report(probes);
    expect(status).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(line));
    expect(lines.at(-1)).toBe('Programs cannot be run on this host.');
  });
});

describe('without the rest they do, and it says what is lost', () => {
  test.each<[Partial<Probes>, RegExp]>([
    [{ ffi: () => false }, /^- {4}node:ffi +no: .*components/],
    [{ direct: () => 'needs more' }, /^- {4}system calls +through node:fs: .*0\.3 us more: needs more/],
    [{ resolution: () => 'components' }, /^- {4}directories +components: .*slow/],
    [{ resolution: () => 'none' }, /^- {4}directories +none: .*--dir/],
    [{ cache: () => ({ directory: undefined, usable: false, reason: 'no home' }) }, /^- {4}code cache +off: .*no home/],
    [
      { mmu: () => ({ driver: 'portable', reason: 'needs Linux, not darwin', pageBytes: 65_536 }) },
      /^- {4}memory +portable: no protected pages.*: needs Linux, not darwin/,
    ],
  ])('%j', (probes, line) => {
    const { lines, status } = report(probes);
    expect(status).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(line));
  });
});

test('nothing that a host names steers a terminal', () => {
  const { lines } = report({ cache: () => ({ directory: '/\u001b[2J', usable: true }) });
  expect(lines.join('')).not.toContain('\u001b');
});

test('as JSON: one line, the same findings', () => {
  const { lines, status } = report({ jspi: () => false }, true);
  expect(status).toBe(1);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    runs: false,
    findings: expect.arrayContaining([{ name: 'jspi', value: 'no', required: true, ok: false, lost: expect.any(String) }]),
  });
});

test('this host runs programs, since it runs these tests', () => {
  expect(examine(hostProbes()).find(({ name }) => name === 'jspi')).toMatchObject({ ok: true });
  const { stdout, stderr, status } = superos(['doctor']);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toContain(process.versions.node);
  expect(JSON.parse(superos(['doctor', '--json']).stdout)).toMatchObject({ runs: true });
});
