import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CPUS } from './guests.ts';

test.each(CPUS)('a machine that is closed leaves no socket open: %i threads', async (cpus) => {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'net-child.ts'), String(cpus)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = await once(child, 'exit');
  expect([code, output]).toEqual([0, 'signal signal\n']);
});
