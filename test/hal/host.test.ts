import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import { nodeHal } from '../../src/hal/node/hal.ts';
import { nodeHost } from '../../src/hal/node/host.ts';

const HOST = path.join(import.meta.dirname, '../../src/hal/node/host.ts');

function processesMaxUnder(limit: string): number {
  const script = `import(${JSON.stringify(HOST)}).then((m) => console.log(m.nodeHost().processesMax))`;
  const { stdout } = spawnSync('bash', ['-c', `ulimit ${limit}; "$0" --no-warnings -e '${script}'`, process.execPath], {
    encoding: 'utf8',
  });
  return Number(stdout);
}

test('a host holds some thousand processes, and no more than its mappings allow', () => {
  const { processesMax } = nodeHost();
  expect(processesMax).toBeGreaterThan(0);
  expect(processesMax).toBeLessThanOrEqual(16_000);
  if (process.platform === 'linux') {
    expect(processesMax * 5).toBeLessThan(Number(fs.readFileSync('/proc/sys/vm/max_map_count', 'utf8')));
  }
});

test('a small address space allows fewer', () => {
  const all = nodeHost().processesMax;
  expect(processesMaxUnder('-v 60000000')).toBeLessThan(Math.min(all, 10));
  expect(processesMaxUnder('-v 8000000')).toBeLessThan(all);
  expect(processesMaxUnder('-v 8000000')).toBeGreaterThan(10);
});

test('where the host does not tell, a cautious number', () => {
  const read = vi.spyOn(fs, 'readFileSync').mockImplementation(() => {
    throw new Error('no /proc here');
  });
  expect(nodeHost().processesMax).toBeLessThanOrEqual(2000);
  read.mockRestore();
});

test('composing the machine reads and opens nothing', () => {
  const read = vi.spyOn(fs, 'readFileSync');
  const open = vi.spyOn(fs, 'openSync');
  const hal = nodeHal();
  expect(read).not.toHaveBeenCalled();
  expect(open).not.toHaveBeenCalled();
  expect(Object.keys(hal).sort()).toEqual(['clock', 'cpu', 'devices', 'entropy', 'heap', 'host', 'mmu', 'tick']);
  vi.restoreAllMocks();
});

test('no directory leads to the caches of compiled code', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'superos-home-'));
  vi.stubEnv('XDG_CACHE_HOME', path.join(home, 'cache'));
  for (const name of ['js', 'code']) fs.mkdirSync(path.join(home, 'cache/superos', name), { recursive: true });
  const { disk } = await nodeHal().devices();
  const above = disk.open(home) as Directory;
  expect(above.stat('cache', true)).toMatchObject({ type: 'directory' });
  for (const name of ['superos', 'superos/js', 'superos/code']) expect(typeof above.stat(`cache/${name}/.`, true)).toBe('string');
  expect(above.rename('cache', true, above, 'moved', true)).toBeDefined();
  expect(typeof disk.open(path.join(home, 'cache/superos/js'))).toBe('string');
  above.close();
  vi.unstubAllEnvs();
  fs.rmSync(home, { recursive: true });
});
