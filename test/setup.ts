// Runs once before whatever runs the command line, the tests first of all: that is the bundle, which must be of the sources as they are.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export function setup(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/build.js'), '--if-stale'], { encoding: 'utf8' });
  if (status === 0) return;
  // Tests of single modules still mean something; nothing of the command line may run on a bundle of older sources.
  rmSync(join(root, 'dist/cli.cjs'), { force: true });
  process.stderr.write(`${stderr}\nThe bundle could not be built: the command line will fail.\n`);
}
