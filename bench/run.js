// npm run bench [-- [--json] [--rounds N] [SUBJECT...]]: measures this project beside node:wasi and native programs, all in this run,
// and prints one table. SUBJECT is a file of this directory: null-call, policy, policy-read, clock, write, read, start, life, template, image, resident, dedicated, switch, fairness, ending, cpus, loader, cached-start, protection,
// or cost. `cost` takes minutes and has a table of its own.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const SUBJECTS = [
  'null-call',
  'policy',
  'policy-read',
  'clock',
  'write',
  'read',
  'start',
  'life',
  'template',
  'image',
  'resident',
  'dedicated',
  'switch',
  'fairness',
  'ending',
  'cpus',
  'loader',
  'cached-start',
  'protection',
  'region',
  'cost',
];

function commandLine() {
  const options = { json: { type: 'boolean' }, rounds: { type: 'string' } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.find((name) => !SUBJECTS.includes(name));
    if (unknown !== undefined) throw new Error(`no subject is called ${unknown}; there are ${SUBJECTS.join(', ')}`);
    if (values.rounds !== undefined && !/^[1-9]\d*$/.test(values.rounds))
      throw new Error(`--rounds takes a number from 1 on, not ${values.rounds}`);
    return { values, positionals };
  } catch (error) {
    console.error(`bench: ${error.message}`);
    process.exit(2);
  }
}

async function main() {
  const { values, positionals } = commandLine();
  const { measure } = await import('./subject.ts');
  const { table } = await import('./report.ts');
  const { makeScratch } = await import('./scratch.ts');
  await using scratch = makeScratch();
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const rows = [];
  const reports = [];
  for (const name of positionals.length === 0 ? SUBJECTS : positionals) {
    const { subjects, report } = await import(`./${name}.ts`);
    if (report !== undefined) {
      reports.push(await report(rounds));
      continue;
    }
    for (const subject of await subjects(scratch)) {
      process.stderr.write(`${subject.name}\n`);
      rows.push(await measure(rounds === undefined ? subject : { ...subject, rounds }));
    }
  }
  const texts = [...(rows.length === 0 ? [] : [table(rows)]), ...reports.map(({ text }) => text)];
  const all = [...rows, ...reports.flatMap((report) => report.rows)];
  console.log(values.json ? JSON.stringify(all, null, 2) : texts.join('\n\n'));
}

// What Node says about its experimental modules is no news here.
process.removeAllListeners('warning');
if (parseInt(process.versions.node, 10) < 26 || !existsSync(join(import.meta.dirname, '..', 'node_modules'))) {
  console.error('the bench needs Node 26 and the development dependencies: npm ci, then npm run bench');
  process.exit(1);
}
await main();
process.exit();
