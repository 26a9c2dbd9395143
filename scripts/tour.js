// npm start: real programs at work on real files, with what each was given and what it was refused. Everything shown is run as
// it is shown, with --json added; the tour fails where a program does not end as it should.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';

const root = join(import.meta.dirname, '..');
const COMMANDS = {
  'superos run ': [join(root, 'bin/superos.js'), 'run', '--json'],
  'npx node examples/ruby.ts ': [join(root, 'examples/ruby.ts'), '--json'],
};
/** What superos run exits with where a program does not end by itself. */
const EXIT_CODES = { timeout: 124, trap: 134, 'memory-limit': 137 };

const place = mkdtempSync(join(tmpdir(), 'superos-tour-'));
const wrong = [];

const bold = (text) => styleText('bold', text);
const dim = (text) => styleText('dim', text);
const say = (text = '') => process.stdout.write(`${text}\n`);
const indent = (text) => text.trimEnd().replace(/^/gm, '    ');

/** Runs a command line of the tour in its directory: what it said, and the status that --json adds to standard error. */
function run(line, input) {
  const start = Object.keys(COMMANDS).find((prefix) => line.startsWith(prefix));
  const words = [...line.slice(start.length).matchAll(/(?:[^\s']+|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));
  const { stdout, stderr } = spawnSync(process.execPath, [...COMMANDS[start], ...words], { cwd: place, input, encoding: 'utf8' });
  const messages = stderr.trimEnd().split('\n');
  const last = messages.pop();
  try {
    return { said: [...stdout.split('\n'), ...messages].filter((text) => text !== ''), status: JSON.parse(last) };
  } catch {
    throw new Error(`${line} did not say how it ended:\n${stderr}`);
  }
}

function expectEnd(line, { code, reason }, expected) {
  if ((code ?? reason) !== expected) wrong.push(`${line}: ${reason} ${code}, not ${expected}`);
}

/** A program at work. `from` is its standard input; `changed` a file that the host looks at afterwards. */
function works(given, line, { from, changed } = {}) {
  const { said, status } = run(line, from && readFileSync(join(place, from)));
  const { wallMs, systemCalls, memoryPeak } = status.usage;
  say(bold(`$ ${line}${from === undefined ? '' : ` < ${from}`}`));
  say(dim(`  given: ${given}`));
  if (said.length > 0) say(indent(said.join('\n')));
  if (changed !== undefined) say(indent(`${changed} is now: ${readFileSync(join(place, changed), 'utf8')}`));
  say(
    dim(`  exit ${status.code}: ${wallMs.toFixed(1)} ms, ${systemCalls} system calls, ${(memoryPeak / 2 ** 20).toFixed(1)} MB`),
  );
  expectEnd(line, status, 0);
}

/** A program that is refused something, and how it ends. */
function refused(why, line, expected) {
  const { said, status } = run(line);
  const { reason, code, message } = status;
  say(bold(`$ ${line}`));
  if (said.length > 0) say(indent(said[0]));
  const end = reason === 'exit' ? `exit ${code}` : `ended by ${reason} (exit ${EXIT_CODES[reason]})`;
  say(dim(`  ${end}: ${why}${message === null ? '' : `; ${message}`}`));
  expectEnd(line, status, expected);
}

const FRUIT = ['apple', 'fig', 'pear', 'plum'];

function makeSamples() {
  const orders = Array.from({ length: 240 }, (_, i) => ({
    id: i + 1,
    fruit: FRUIT[(i * 7 + (i >> 3)) & 3],
    kilos: 1 + ((i * 37) % 23),
  }));
  const files = {
    'data/orders.csv': orders.map(({ id, fruit, kilos }) => `${id},${fruit},${kilos}\n`).join(''),
    'data/orders.json': JSON.stringify(orders),
    'data/notes/monday.txt': 'The plums were late. Call the orchard about the figs.\n',
    'data/notes/friday.txt': 'Figs again: nobody at the orchard answers.\n',
    'secret.txt': 'not for guests\n',
    'report.rb': `
orders = File.readlines('/data/orders.csv', chomp: true).map { |line| line.split(',') }
kilos = orders.group_by { |_, fruit| fruit }.transform_values { |all| all.sum { |order| order[2].to_i } }
kilos.sort_by { |fruit, sum| [-sum, fruit] }.each { |fruit, sum| puts format('%-6s %5d %s', fruit, sum, '#' * (sum / 40)) }
`,
  };
  for (const name of ['data/notes', 'bin']) mkdirSync(join(place, name), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content);
  symlinkSync('../secret.txt', join(place, 'data/shortcut'));
  const packages = join(root, 'node_modules/@rivet-dev');
  for (const name of readdirSync(packages)) {
    const wasm = join(packages, name, 'wasm');
    if (existsSync(wasm)) for (const command of readdirSync(wasm)) symlinkSync(join(wasm, command), join(place, 'bin', command));
  }
}

function tour() {
  makeSamples();
  say('SuperOS runs WebAssembly programs as processes that can reach what they are given, and nothing else.');
  say(dim(`Here: programs out of npm packages, in bin/, on files made for this tour in ${place}`));
  say();
  works(
    'data/ to read, as /data; clock and randomness, as always',
    `superos run -v data:/data:ro --cwd /data bin/awk -F, '{ kg[$2] += $3 } END { print NR " orders, figs: " kg["fig"] " kg" }' orders.csv`,
  );
  works('no file at all', `superos run bin/jq -c 'map(select(.fruit == "plum")) | sort_by(-.kilos) | .[:2][]'`, {
    from: 'data/orders.json',
  });
  works('data/ to read and write', 'superos run --dir data bin/rg -i figs data/notes');
  works('data/ to read and write', `superos run --dir data bin/sed -i.bak 's/nobody/no one/' data/notes/friday.txt`, {
    changed: 'data/notes/friday.txt',
  });
  works(
    'data/ to read, neither clock nor randomness',
    'superos run --cap none -v data:/data:ro bin/sha256sum /data/orders.csv /data/orders.json',
  );
  works('data/ to read, as /data', 'npx node examples/ruby.ts --dir data report.rb');
  say();
  say('What they are not given, they do not get:');
  refused('a link may not lead out', 'superos run --dir data bin/cat data/shortcut', 1);
  refused('mounted read-only', 'superos run -v data:/data:ro --cwd /data bin/cp orders.csv copy.csv', 1);
  refused('not in its world', 'superos run --dir data bin/rg root /etc', 1);
  refused('nor in that of Ruby', `npx node examples/ruby.ts --dir data -e 'File.read("/etc/passwd") rescue abort $!.message'`, 1);
  refused("none of this terminal's environment", 'superos run --env ONLY=this bin/printenv', 0);
  refused('its time was over', 'superos run --timeout 300ms bin/sleep 3600', 'timeout');
  refused('too much to begin with', 'superos run --memory 1m bin/awk 1', 'memory-limit');
  say();
  say('Next: npx superos help run · npx superos doctor · examples/ · README.md · npm test');
}

process.stdout.on('error', () => process.exit(1));
const build = [join(root, 'scripts/build.js'), '--if-stale'];
try {
  if (spawnSync(process.execPath, build, { stdio: ['ignore', 'inherit', 'inherit'] }).status !== 0)
    wrong.push('the build failed');
  else tour();
} finally {
  rmSync(place, { recursive: true });
}
for (const line of wrong) console.error(`superos: the tour found what should not be: ${line}`);
if (wrong.length > 0) process.exitCode = 1;
