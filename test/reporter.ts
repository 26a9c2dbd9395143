// Counts tests for scripts/test.js: writes { passed, failed } to the file that SUPEROS_TEST_COUNTS names. A file of tests that
// could not be loaded, and an error outside all tests, count as failed ones.
import { writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

// biome-ignore lint/style/noDefaultExport: vitest asks for it
export default class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env['SUPEROS_TEST_COUNTS'];
    if (file === undefined) return;
    let passed = 0;
    let failed = unhandled.length;
    for (const module of modules) {
      let failedInside = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failedInside++;
      }
      failed += failedInside === 0 && !module.ok() ? 1 : failedInside;
    }
    writeFileSync(file, JSON.stringify({ passed, failed }));
  }
}
