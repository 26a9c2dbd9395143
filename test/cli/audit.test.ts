// `superos audit verify`, and the log that `run --audit` writes.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/caps/audit.ts';
import { AuditLog } from '../../src/machine/audit/log.ts';
import { guest, superos } from '../e2e/command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-audit-cli-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));
const at = (name: string) => path.join(scratch, name);

function log(name: string, records: number): { file: string; head: string } {
  const file = at(name);
  const made = AuditLog.open(file);
  for (let i = 0; i < records; i++) made.record({ what: 'refuse', pid: 1, program: 'p', detail: { i } } satisfies AuditEvent);
  made.close();
  return { file, head: made.head };
}

const verify = (...args: string[]) => superos(['audit', 'verify', ...args]);

test('a log that is as it was written', () => {
  const { file, head } = log('good', 3);
  expect(verify(file)).toEqual({ stdout: `3 records, the chain holds\nhead ${head}\n`, stderr: '', status: 0 });
  expect(verify('--head', head, file).stdout).toContain('(0 after the one given)');
  expect(JSON.parse(verify('--json', file).stdout)).toEqual({ file, holds: true, records: 3, head, recovered: 0 });
});

test('one that is not: the first line, and why', () => {
  const { file, head } = log('bad', 5);
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const changed = (some: string[]) => {
    fs.writeFileSync(file, some.map((line) => `${line}\n`).join(''));
    const { stdout, status } = verify(file);
    expect(status).toBe(1);
    return stdout;
  };
  expect(changed(lines.with(2, lines[2]!.replace('"i":2', '"i":7')))).toMatch(/bad:3: it was changed.*\n2 records before it/);
  expect(changed(lines.toSpliced(1, 2))).toContain('bad:2: records 2 to 3 are missing before it');
  expect(changed(lines.with(0, lines[1]!).with(1, lines[0]!))).toContain('bad:1: it is record 2, and record 1 stands after it');
  expect(changed(lines.toSpliced(2, 0, lines[0]!))).toContain('bad:3: it is record 1 where record 3 belongs');
  fs.writeFileSync(file, `${lines.slice(0, 4).join('\n')}\n`);
  expect(verify(file).status).toBe(0);
  const cut = verify('--json', '--head', head, file);
  expect(cut.status).toBe(1);
  expect(JSON.parse(cut.stdout)).toMatchObject({ holds: false, line: 5, fault: 'cut', records: 4 });
});

describe('mistakes', () => {
  test.each<[string, string[], string]>([
    ['no such file', [at('absent')], 'there is no such file'],
    ['a directory', [scratch], 'is not a file'],
    ['no file', [], "missing required argument 'file'"],
    ['no hash', ['--head', 'abc', at('good')], '64 hexadecimal digits'],
    ['an unknown option', ['--jsno', at('good')], '--jsno'],
  ])('%s', (_what, args, says) => {
    const { stdout, stderr, status } = verify(...args);
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 });
    expect(stderr).toMatch(/^superos: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });

  test('an empty file is a log of nothing; any other is none', () => {
    fs.writeFileSync(at('empty'), '');
    expect(verify(at('empty'))).toMatchObject({ stdout: expect.stringContaining('0 records'), status: 0 });
    expect(verify(guest('hello'))).toMatchObject({ stdout: expect.stringContaining('hello.wasm:1: '), status: 1 });
  });

  test('commands that are not there', () => {
    expect(superos(['audit']).stderr).toBe('superos: audit: a command is expected: verify\n');
    expect(superos(['audit', 'verfy']).stderr).toBe('superos: there is no command audit verfy; did you mean audit verify?\n');
    expect(superos(['audit', 'verify', '--help']).stdout).toContain('--head <hash>');
  });
});
