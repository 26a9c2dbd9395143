// Reading a policy takes work in proportion to its length, whatever is in it. Work is counted, not timed: how often V8 ran each
// stretch of code, that of the packages too.
import { Session } from 'node:inspector/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { complaint } from './parse.ts';

const session = new Session();

beforeAll(async () => {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
});
afterAll(() => session.disconnect());

async function workOf(text: string, read: (text: string) => unknown = complaint): Promise<number> {
  await session.post('Profiler.takePreciseCoverage');
  expect(read(text)).not.toMatch(/^thrown/);
  const { result } = await session.post('Profiler.takePreciseCoverage');
  let sum = 0;
  for (const { functions } of result) for (const { ranges } of functions) for (const { count } of ranges) sum += count;
  return sum;
}

const shape = (open: string, part: string, close: string) => (length: number) => open + part.repeat(length / part.length) + close;
const numbered = (open: string, part: (i: number) => string, close: string) => (length: number) =>
  open + Array.from({ length: length / part(1000).length }, (_, i) => part(i)).join('') + close;

const SHAPES: Record<string, (length: number) => string> = {
  'a list': shape('process:\n allowed_syscalls:\n', ' - read\n', ''),
  'a list in brackets': shape('process: {allowed_syscalls: [', 'read,', ']}'),
  'entries with conditions': shape(
    'process:\n denied_syscalls:\n',
    ' - {call: path_open, when: {path: [/a*/**, "!/{b,c}"]}, action: kill}\n',
    '',
  ),
  'one entry of many calls': shape('process: {allowed_syscalls: [{calls: [', '"@fs-read",', ']}]}'),
  'unknown calls': shape('process:\n allowed_syscalls:\n', ' - exevce\n', ''),
  'unknown keys': numbered('process:\n', (i) => ` k${i}: 1\n`, ''),
  'one key, again and again': shape('process:\n', ' name: x\n', ''),
  'comments before': shape('', '# x\n', 'process: {}'),
  'comments within': shape('process:\n allowed_syscalls:\n', ' - read # x\n # y\n', ''),
  'blank lines': shape('process:\n', ' \n', ' name: x\n'),
  'open brackets': shape('', '[', ''),
  'closing brackets': shape('', ']', ''),
  'nested entries': shape('', '- ', ''),
  'nested keys': shape('', 'a: ', ''),
  'nested questions': shape('', '? ', ''),
  anchors: shape('', '&a ', ''),
  aliases: shape('process: [&a b,', '*a,', ']'),
  tags: shape('[', '!a b,', ']'),
  documents: shape('', '---\n', ''),
  directives: shape('', '%A\n', ''),
  'a long word': shape('', 'a', ''),
  'words on lines': shape('', 'a\n', ''),
  'an open string': shape('"', 'a\n', ''),
  'escapes in a string': shape('process: {name: "', '\\x41', '"}'),
  'a literal': shape('process:\n name: |\n', '  a\n', ''),
  'braces of a pattern': shape('process: {allowed_syscalls: [{call: path_open, when: {path: "/', 'a{b,c}', '"}}]}'),
  'many patterns': shape('process: {allowed_syscalls: [{call: path_open, when: {path: [', '"/a*/**",', ']}}]}'),
  'many ports': shape('process: {allowed_syscalls: [{call: net_connect, when: {port: [', '"1-2",', ']}}]}'),
  'many hosts': shape('process: {allowed_syscalls: [{call: net_connect, when: {host: [', '"10.0.0.0/8",', ']}}]}'),
};

/** How much more the work grows from twice to four times a length than from that length to twice: 2 where it is linear, 4 where it is the square. */
async function growth(text: (length: number) => string, read?: (text: string) => unknown): Promise<number> {
  // Once before, for what is done a single time.
  await workOf(text(4096), read);
  const [once, twice, fourfold] = [
    await workOf(text(4096), read),
    await workOf(text(8192), read),
    await workOf(text(16_384), read),
  ];
  return (fourfold - twice) / Math.max(twice - once, 5000);
}

test.each(Object.entries(SHAPES))('%s', async (_, text) => {
  expect(await growth(text)).toBeLessThan(2.5);
});

test('the measure tells work that grows with the square', async () => {
  expect(await growth(SHAPES['unknown keys']!, (text) => String(parseYaml(text)))).toBeGreaterThan(2.5);
});

test('a policy that is too long is refused unread', async () => {
  const long = 'process: {}\n'.repeat((10 * 2 ** 20) / 12);
  expect(complaint(long)).toContain('a policy has at most 262144 characters');
  expect(await workOf(long)).toBeLessThan(30 * (await workOf('process: {}')) + 4 * long.split('\n').length);
});
