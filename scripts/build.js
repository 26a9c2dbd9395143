// npm run build: dist/index.js and dist/cli.js, bundled from src/, and dist/types/.
//   --if-possible   do nothing where the development dependencies are missing (for `prepare`)
//   --if-stale      only the bundle, and only where something it is made of has changed since (for the tests)
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const options = process.argv.slice(2);

/** Exports src/index.ts and runs src/cli/cli.ts; what either imports lazily, or both share, is a chunk of its own. */
async function bundle() {
  const { rolldown } = await import('rolldown');
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const build = await rolldown({
    cwd: root,
    input: { index: 'src/index.ts', cli: 'src/cli/cli.ts' },
    platform: 'node',
    external: [/^node:/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
  });
  const { output } = await build.generate({ dir: dist, format: 'esm', chunkFileNames: 'chunks/[name].js' });
  await build.close();
  mkdirSync(join(dist, 'chunks'), { recursive: true });
  for (const { fileName, code } of output) replace(join(dist, fileName), code);
  const made = new Set(output.map(({ fileName }) => fileName));
  for (const name of readdirSync(join(dist, 'chunks'))) {
    if (!made.has(`chunks/${name}`)) rmSync(join(dist, 'chunks', name));
  }
}

/** In one step, for a program that is reading it may be running now. */
function replace(path, text) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

function types() {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--build'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

function isStale() {
  const made = join(dist, 'cli.js');
  if (!existsSync(made)) return true;
  const madeAt = statSync(made).mtimeMs;
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return [...sources, import.meta.filename, join(root, 'package.json')].some((path) => statSync(path).mtimeMs > madeAt);
}

const isPossible = ['rolldown', 'typescript'].every((name) => existsSync(join(root, 'node_modules', name)));
if (options.includes('--if-stale')) {
  if (isStale()) await bundle();
} else if (isPossible || !options.includes('--if-possible')) {
  await bundle();
  types();
}
