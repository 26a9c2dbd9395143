// npm test: build, lint, type check and all tests. Stops at the first of these that fails; the last line is always
// `N passed, N failed`, in which lint and type check are one each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'superos-test-'));
const countsFile = join(scratch, 'counts.json');
const tool = (path) => join(root, 'node_modules', path);

const total = { passed: 0, failed: 0 };

function run(file, args) {
  const env = { ...process.env, SUPEROS_TEST_COUNTS: countsFile };
  return spawnSync(process.execPath, [file, ...args], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

/** Whether to go on. */
function stage(name, file, args, counts) {
  const passed = run(file, args);
  if (!passed) {
    console.error(`superos: ${name} failed`);
    total.failed++;
  } else if (counts) total.passed++;
  return passed;
}

/** What test/reporter.ts counted; a run that ended before it could is a failure. */
function tests() {
  const passed = run(tool('vitest/vitest.mjs'), ['run', ...process.argv.slice(2)]);
  try {
    const counts = JSON.parse(readFileSync(countsFile, 'utf8'));
    total.passed += counts.passed;
    total.failed += counts.failed;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (!passed && total.failed === 0) total.failed = 1;
}

try {
  if (
    stage('the build', join(root, 'scripts/build.js'), [], false) &&
    stage('lint', tool('@biomejs/biome/bin/biome'), ['check', '.'], true) &&
    stage('the type check', tool('typescript/bin/tsc'), ['--build'], true)
  ) {
    tests();
  }
} finally {
  rmSync(scratch, { recursive: true });
  console.log(`${total.passed} passed, ${total.failed} failed`);
}
if (total.failed > 0) process.exitCode = 1;
