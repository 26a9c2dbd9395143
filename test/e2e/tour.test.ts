// What `npm start` shows a new user: it works, it is short, and it is text where no terminal reads it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const LINES_MAX = 60;

test('the tour ends well, in a pipe without escape sequences, and leaves nothing behind', () => {
  const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-tour-test-'));
  const { FORCE_COLOR: _, ...environment } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(import.meta.dirname, '../../scripts/tour.js')], {
    encoding: 'utf8',
    env: { ...environment, TMPDIR: scratch },
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).not.toContain('\x1b');
  expect(stdout.split('\n').length).toBeLessThan(LINES_MAX);
  for (const program of ['awk', 'jq', 'rg', 'sed', 'sha256sum', 'ruby.ts'])
    expect(stdout).toMatch(new RegExp(`^\\$ .*\\b${program} `, 'm'));
  expect(stdout).toContain('ended by timeout (exit 124)');
  expect(fs.readdirSync(scratch)).toEqual([]);
  fs.rmSync(scratch, { recursive: true });
});
