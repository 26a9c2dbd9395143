// Writes what follows from the vocabulary of policies: policies/schema.json, with which editors complete and check them, and
// the tables of docs/POLICIES.md. Tests say when it is to be run.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { policyLanguage } from '../src/caps/policy/language.ts';
import { VOCABULARY } from '../src/syscalls/vocabulary.ts';

const root = path.join(import.meta.dirname, '..');

const schema = path.join(root, 'policies/schema.json');
const { jsonSchema } = await policyLanguage(VOCABULARY);
fs.writeFileSync(schema, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
const { status } = spawnSync(path.join(root, 'node_modules/.bin/biome'), ['format', '--write', schema], { stdio: 'inherit' });

const { calls, groups, posix, keysOf } = VOCABULARY;
const document = path.join(root, 'docs/POLICIES.md');
let text = fs.readFileSync(document, 'utf8');
writeTable(
  '| group | system calls |',
  [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, members]) => [[`@${name}`], members]),
);
writeTable('| names | stand for |', gathered([...posix].filter(([, members]) => members.length > 0)));
writeTable(
  '| can be asked for | of |',
  gathered(calls.map((name) => [name, keysOf(name)]).filter(([, keys]) => keys.length > 0)).map(([names, keys]) => [keys, names]),
);
const absent = [...posix].filter(([, members]) => members.length === 0).map(([name]) => `\`${name}\``);
text = text.replace(/(### Names that stand for nothing\n\n)[^#]*/, (_, heading) => `${heading}${wrapped(absent)}\n`);
fs.writeFileSync(document, text);
process.exitCode = status ?? 1;

/** Names with the same list, together. */
function gathered(pairs) {
  const byList = Map.groupBy(pairs, ([, list]) => list.join(' '));
  return [...byList.values()].map((same) => [same.map(([name]) => name), same[0][1]]);
}

/** Replaces the rows of the table with this head. */
function writeTable(head, rows) {
  const start = text.indexOf(head);
  if (start < 0) throw new Error(`${document} has no table ${head}`);
  const end = text.indexOf('\n\n', start);
  const words = (list) => list.map((word) => `\`${word}\``).join(' ');
  const lines = rows.map(([first, second]) => `| ${words(first)} | ${words(second)} |`);
  text = text.slice(0, start) + [head, '|---|---|', ...lines].join('\n') + text.slice(end);
}

function wrapped(words) {
  const lines = [''];
  for (const word of words) {
    const last = lines.at(-1);
    if (last.length + word.length > 140) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}
