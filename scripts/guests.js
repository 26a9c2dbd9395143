// Builds every guest program: guests/src/LANGUAGE/NAME.ext -> guests/bin/NAME.wasm (see guests/README.md).
// `npm run guests [-- NAME...]` rebuilds, `npm run guests -- --check` builds elsewhere and compares. It never downloads anything.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const source = join(root, 'guests', 'src');
const committed = join(root, 'guests', 'bin');
const require = createRequire(import.meta.url);

/** What a program needs beyond its language's usual flags. */
const extraFlags = {
  null: ['-nostartfiles'],
  'poll-many': ['-Wl,--initial-memory=8388608'],
  reactor: ['-mexec-model=reactor'],
};

/** What the cost of rewriting is measured on is built for speed, all else for size. */
const fast = (name) => name.startsWith('bench');

function run(command, args, options = {}) {
  return execFileSync(command, args, { stdio: ['pipe', 'pipe', 'pipe'], encoding: 'utf8', ...options });
}

/** The output of a command, or undefined where it is missing or fails: for probing. */
function probe(command, args, options) {
  try {
    return run(command, args, options).trim();
  } catch {
    return undefined;
  }
}

const clangFlags = [
  '--target=wasm32-wasi',
  '-std=gnu11',
  '-Os',
  '-flto',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-unused-function',
  '-Wl,--strip-all',
];

// Every compiler runs in the directory of the source with a bare name: with an absolute one the bytes depend on where the checkout is.
function clangToolchain(scratch) {
  const version = probe('clang', ['--version'])?.split('\n')[0];
  const out = join(scratch, 'probe.wasm');
  const works =
    version &&
    probe('clang', [...clangFlags, '-x', 'c', '-o', out, '-'], { input: 'int main(void) { return 0; }' }) !== undefined;
  if (!works) return undefined;
  return {
    version,
    build: (file, name, out) => {
      const flags = [...clangFlags, ...(fast(name) ? ['-O2'] : []), ...(extraFlags[name] ?? [])];
      run('clang', [...flags, '-o', out, basename(file)], { cwd: dirname(file) });
    },
  };
}

const rustFlags = '-C opt-level=s -C lto -C codegen-units=1 -C panic=abort -C strip=symbols -D warnings'.split(' ');

/** rustup's rustc may come first on PATH without the target, and Debian's after it with it. */
function rustToolchain(scratch) {
  for (const rustc of ['rustc', '/usr/bin/rustc']) {
    const sysroot = probe(rustc, ['--print', 'sysroot']);
    if (!sysroot) continue;
    const target = ['wasm32-wasi', 'wasm32-wasip1'].find((t) => existsSync(join(sysroot, 'lib', 'rustlib', t)));
    if (!target) continue;
    const flags = ['--edition=2021', `--target=${target}`, ...rustFlags];
    const out = join(scratch, 'probe.wasm');
    if (probe(rustc, [...flags, '--crate-name=probe', '-o', out, '-'], { input: 'fn main() {}' }) === undefined) continue;
    return {
      version: probe(rustc, ['--version']),
      build: (file, name, out) =>
        run(rustc, [...flags, ...(fast(name) ? ['-C', 'opt-level=3'] : []), '-o', out, basename(file)], { cwd: dirname(file) }),
    };
  }
  return undefined;
}

function goToolchain() {
  const version = probe('go', ['version']);
  if (!version || !probe('go', ['tool', 'dist', 'list'])?.includes('wasip1/wasm')) return undefined;
  const env = {
    ...process.env,
    GOOS: 'wasip1',
    GOARCH: 'wasm',
    GOWASM: '',
    GOFLAGS: '',
    GOTOOLCHAIN: 'local',
    GO111MODULE: 'off',
  };
  return {
    version,
    build: (file, _name, out) =>
      run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=', '-o', out, basename(file)], {
        cwd: dirname(file),
        env,
      }),
  };
}

function ascToolchain() {
  const asc = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  if (!existsSync(asc)) return undefined;
  return {
    version: `AssemblyScript ${require('assemblyscript/package.json').version}`,
    build: (file, name, out) => {
      const flags = [fast(name) ? '-O3' : '-Osize', '--runtime', 'stub', '--use', 'abort=', '--noColors'];
      run(process.execPath, [asc, basename(file), ...flags, '-o', out], { cwd: dirname(file) });
    },
  };
}

async function watToolchain() {
  if (!existsSync(join(root, 'node_modules', 'wabt'))) return undefined;
  const { default: load } = await import('wabt');
  const wabt = await load();
  return {
    version: `wabt ${require('wabt/package.json').version}`,
    build: (file, name, out) => {
      const module = wabt.parseWat(`${name}.wat`, readFileSync(file, 'utf8'), { exceptions: true, reference_types: true });
      writeFileSync(out, module.toBinary({ write_debug_names: false }).buffer);
      module.destroy();
    },
  };
}

/** Binaries of C and text have the plain name; `suffix` keeps the same program in another language apart. */
const languages = {
  c: { ext: '.c', suffix: '', find: clangToolchain, install: 'apt install clang lld wasi-libc libclang-rt-dev-wasm32' },
  wat: { ext: '.wat', suffix: '', find: watToolchain, install: 'npm ci' },
  assemblyscript: { ext: '.ts', suffix: '-assemblyscript', find: ascToolchain, install: 'npm ci' },
  rust: { ext: '.rs', suffix: '-rust', find: rustToolchain, install: 'apt install rustc libstd-rust-dev-wasm32 lld' },
  go: { ext: '.go', suffix: '-go', find: goToolchain, install: 'apt install golang-go (1.21 or newer: Debian 13)' },
};

function programs() {
  const found = [];
  for (const [language, { ext, suffix }] of Object.entries(languages)) {
    for (const entry of readdirSync(join(source, language)).sort()) {
      if (extname(entry) !== ext) continue;
      const name = basename(entry, ext);
      found.push({ language, name, file: join(source, language, entry), binary: `${name}${suffix}.wasm` });
    }
  }
  return found;
}

function same(a, b) {
  return existsSync(a) && readFileSync(a).equals(readFileSync(b));
}

/** Returns the number of problems, each told in one line. */
async function main() {
  const { values, positionals } = parseArgs({ options: { check: { type: 'boolean', default: false } }, allowPositionals: true });
  const all = programs();
  const wanted = all.filter(
    (p) => positionals.length === 0 || positionals.includes(p.name) || positionals.includes(basename(p.binary, '.wasm')),
  );
  if (wanted.length === 0) throw new Error(`no guest program is called ${positionals.join(', ')}: see guests/src`);

  const scratch = mkdtempSync(join(tmpdir(), 'superos-guests-'));
  let problems = 0;
  const problem = (line) => {
    problems++;
    console.error(`guests: ${line}`);
  };
  try {
    mkdirSync(committed, { recursive: true });
    for (const language of new Set(wanted.map((p) => p.language))) {
      const { find, install } = languages[language];
      const toolchain = await find(scratch);
      if (!toolchain) {
        problem(`${language}: no toolchain that builds for WASI: ${install}`);
        continue;
      }
      console.log(`${language}: ${toolchain.version}`);
      for (const { name, file, binary } of wanted.filter((p) => p.language === language)) {
        const built = join(scratch, binary);
        try {
          toolchain.build(file, name, built);
        } catch (error) {
          problem(`${binary}: ${error.stderr || error.message}`);
          continue;
        }
        const target = join(committed, binary);
        if (same(target, built)) continue;
        if (values.check)
          problem(
            `${binary}: differs from the committed one; if its source did not change, compare the toolchain with guests/README.md`,
          );
        else writeFileSync(target, readFileSync(built));
      }
    }
    const known = new Set(all.map((p) => p.binary));
    for (const stale of readdirSync(committed).filter((entry) => entry.endsWith('.wasm') && !known.has(entry))) {
      if (values.check) problem(`${stale}: has no source`);
      else rmSync(join(committed, stale));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return problems;
}

process.exitCode = (await main()) > 0 ? 1 : 0;
