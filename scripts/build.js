// npm run build: dist/index.js (the library), dist/worker.js (what its threads run) and dist/cli*.cjs (the command line), bundled
// from src/, and dist/types/.
//   --if-possible   do nothing where the development dependencies are missing (for `prepare`)
//   --if-stale      only the bundle, and only where something it is made of has changed since (for the tests)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const options = process.argv.slice(2);

/** The library: what it imports lazily is a chunk of its own, in the same directory, so that each finds what threads run beside it. */
function library(dependencies) {
  return {
    input: { index: 'src/index.ts', worker: 'src/machine/thread/worker.ts' },
    external: dependencies,
    output: { format: 'esm', chunkFileNames: 'chunk-[name].js' },
  };
}

/**
 * The command line: scripts, of which V8 compiles what is used and the launcher keeps that. The first holds all that a run of a
 * program loads in any case, the others what is loaded where it is wanted. A script's first line is a digest of the rest; its
 * value is the function that runs it, given the URL of the first, what loads packages, what loads the others, and its exports.
 */
function command(dependencies) {
  const always = new Set();
  return {
    input: 'src/cli/cli.ts',
    preserveEntrySignatures: 'allow-extension',
    external: dependencies.filter((pattern) => !BUNDLED.some((name) => pattern.test(name))),
    plugins: [reached(join(root, 'src/cli/cli.ts'), always)],
    transform: { define: { 'import.meta.url': 'url' } },
    output: {
      entryFileNames: 'cli.cjs',
      chunkFileNames: 'cli-[name].cjs',
      format: 'cjs',
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [
          { name: 'more', test: (id) => always.has(id) && MORE.test(id) },
          { name: 'cli', test: (id) => always.has(id) },
        ],
      },
      // What nothing seems to use is not dropped: here that would be everything.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      banner: 'function superos(url, importPackage, require, exports) {',
      footer: '}\nsuperos;\n',
    },
  };
}

/** What a run touches only if it has policies, templates, regions, files in memory or a network: to evaluate all that takes 2 ms. */
const MORE =
  /\/src\/(?:(?:caps|kernel)\/policy\/(?!watch)|hal\/node\/mmu\/(?:native|calls|files|memory|detect|spans)|hal\/(?:ram|image|address)|runtime\/snapshot|kernel\/(?:mappings|areas|pipe)|caps\/(?:socket|parcel|links|audit)|machine\/(?:pool|held-regions|auditing|invocation|streams))/;

/** Packages of which the command line has a copy, as the launcher keeps no compiled code of others. */
const BUNDLED = ['commander', 'yaml', 'zod'];

/** Collects in `modules` what `entry` imports, directly or not, other than lazily. */
const reached = (entry, modules) => ({
  name: 'reached',
  buildEnd() {
    const add = (id) => {
      if (modules.has(id)) return;
      modules.add(id);
      for (const imported of this.getModuleInfo(id)?.importedIds ?? []) add(imported);
    };
    add(entry);
  },
});

/**
 * Modules of Node are taken as they are asked for: importing one makes Node read all its exports, of which some load other
 * modules (node:fs: streams) or touch standard streams (node:process).
 */
const builtins = {
  name: 'builtins',
  transform(code, id) {
    if (id.includes('/node_modules/'))
      return code.replace(/\brequire\('(node:[\w/]+)'\)/g, "globalThis.process.getBuiltinModule('$1')");
    return code.replace(/^import (?!type )(\w+)?(?:, )?(?:\{([^}]*)\})? ?from '(node:[\w/]+)';/gm, (_, all, names, module) => {
      const wanted = names
        ?.split(',')
        .filter((name) => !/^\s*(type |$)/.test(name))
        .join(',')
        .replaceAll(' as ', ': ');
      const patterns = [all, wanted && `{${wanted}}`].filter(Boolean);
      return patterns.map((pattern) => `const ${pattern} = globalThis.process.getBuiltinModule('${module}');`).join(' ');
    });
  },
};

/** The file that threads run is named in its bundled form. */
const worker = {
  name: 'worker',
  transform: (code, id) => (id.includes('/node_modules/') ? undefined : code.replace("'./worker.ts'", "'./worker.js'")),
};

async function bundle() {
  const { rolldown } = await import('rolldown');
  const names = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);
  const dependencies = names.map((name) => new RegExp(`^${name}(/|$)`));
  mkdirSync(dist, { recursive: true });
  const made = new Set();
  for (const { output, plugins = [], ...input } of [library(dependencies), command(dependencies)]) {
    const build = await rolldown({ cwd: root, platform: 'node', plugins: [worker, builtins, ...plugins], ...input });
    const { output: files } = await build.generate({ dir: dist, ...output });
    await build.close();
    const helpers = files.find(({ name }) => name === 'rolldown-runtime');
    for (const { fileName, code, isEntry } of files) {
      made.add(fileName);
      if (!fileName.endsWith('.cjs')) replace(join(dist, fileName), code);
      else replace(join(dist, fileName), script(isEntry ? containing(helpers, code) : code));
    }
  }
  for (const name of readdirSync(dist)) if (/\.c?js$/.test(name) && !made.has(name)) rmSync(join(dist, name));
  rmSync(join(dist, 'chunks'), { recursive: true, force: true });
}

/** What the bundler itself adds is a script of its own, too short to be kept compiled: the first, which needs it in any case, has it within. */
const containing = ({ fileName, code }, script) =>
  script.replace(
    `require("./${fileName}")`,
    () => `((run,exports)=>(run(url,importPackage,require,exports),exports))(${code.slice(0, code.lastIndexOf('superos;'))},{})`,
  );

/** In ASCII, of which V8 keeps one byte a character: what else there is stands in strings. */
function script(code) {
  const text = code
    .replaceAll(/(?<![.\w])import\((?=["'`])/g, 'importPackage(')
    .replaceAll(/\brequire\("([\w:]+)"\)/g, 'globalThis.process.getBuiltinModule("$1")')
    .replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `// ${createHash('sha256').update(text).digest('hex').slice(0, 32)}\n${text}`;
}

/** In one step, for a program that is reading it may be running now. */
function replace(path, text) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

function types() {
  // What tsc remembers of earlier builds is elsewhere: without its output, it would believe that there is nothing to do.
  const force = existsSync(join(dist, 'types')) ? [] : ['--force'];
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--build', ...force], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

function isStale() {
  const made = join(dist, 'cli.cjs');
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
