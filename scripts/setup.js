// Run before each script of package.json: installs the dependencies where they are missing or older than package-lock.json,
// so that any is the first command in a fresh clone. Plain JavaScript for Node 20, without any dependency.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
/** npm writes it last: it is missing after an installation that was interrupted. */
const installed = join(root, 'node_modules', '.package-lock.json');
const wanted = join(root, 'package-lock.json');
const LINES_OF_FAILURE = 15;

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) install();

function install() {
  console.log('superos: installing dependencies (npm ci)');
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm tells the scripts it runs where it is itself; the Node that runs this may be the one that npm ci is about to replace.
  const { npm_execpath: npm, npm_node_execpath: node = process.execPath } = process.env;
  const [command, args] = npm ? [node, [npm, ...options]] : ['npm', options];
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const said = error ? [error.message] : `${stdout}${stderr}`.trim().split('\n').slice(0, LINES_OF_FAILURE);
  console.error(`superos: npm ci failed${status === null ? '' : ` with exit code ${status}`}:`);
  for (const line of said) console.error(`  ${line}`);
  process.exit(1);
}
