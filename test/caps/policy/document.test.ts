// docs/POLICIES.md says what the code does: its tables are written by scripts/policy-schema.js.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';
import { complaint, readyNames } from './parse.ts';

const text = fs.readFileSync(path.join(import.meta.dirname, '../../../docs/POLICIES.md'), 'utf8');

/** What stands below a heading. */
function section(heading: string): string {
  const [, after = ''] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
  return after.split(/^#+ /m)[0]!;
}
const words = (part: string) => [...part.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
/** The words of each cell of the rows of tables. */
const rows = (part: string) =>
  [...part.matchAll(/^\| (`.*) \| (.*) \|$/gm)].map(([, first, second]) => [words(first!), words(second!)] as const);

test('groups are those of the code', () => {
  const written = rows(section('Groups')).map(([[group], calls]) => [group!.slice(1), calls]);
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(VOCABULARY.groups));
});

test('names of POSIX are those of the code', () => {
  const standing = rows(section('Names of POSIX and Linux')).flatMap(([names, calls]) => names.map((name) => [name, calls]));
  const absent = words(section('Names that stand for nothing')).map((name) => [name, []]);
  expect(Object.fromEntries([...standing, ...absent])).toEqual(Object.fromEntries(VOCABULARY.posix));
});

test('what conditions can ask for is what calls have', () => {
  const written = rows(section('Conditions').split('can be asked for')[1]!).flatMap(([keys, calls]) =>
    calls.map((call) => [call, keys]),
  );
  const known = VOCABULARY.calls.map((call) => [call, VOCABULARY.keysOf(call)] as const).filter(([, keys]) => keys.length > 0);
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(known));
});

test('every ready policy is there', () => {
  expect(
    rows(section('Ready policies'))
      .map(([[name]]) => name)
      .sort(),
  ).toEqual(readyNames);
});

test('examples are policies', () => {
  const examples = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, example]) => example!);
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) {
    const whole = example.includes('process:')
      ? example
      : `process:\n  allowed_syscalls:\n${example.replace(/^/gm, '    ').trimEnd()}\n`;
    expect(complaint(whole)).toBe('nothing');
  }
});
