#!/usr/bin/env node
// The launcher: checks that this Node can run SuperOS, and starts it out of a cache of V8's compiled JavaScript, which holds
// what the last build's first run used of it and saves a quarter of the start. Syntax that old versions of Node can read.
const NODE_MAJOR = 26;
const FAILED = 125;
const OTHERS_WRITE = 0o022;
/** Characters of the shortest script that is worth two files more. */
const CACHED_FROM = 16384;
/** Of the compiled code, read at once to be compared. */
const PIECE_BYTES = 65536;
/** What other builds and other versions of V8 left is removed after this time. */
const STALE_MS = 7 * 24 * 3600 * 1000;

if (parseInt(process.versions.node, 10) < NODE_MAJOR) {
  fail(`needs Node ${NODE_MAJOR} or later, this is ${process.version}`);
} else if (typeof WebAssembly !== 'object' || typeof WebAssembly.Suspending !== 'function') {
  fail('needs WebAssembly with promise integration (JSPI), which this Node runs without');
} else {
  start();
}

function fail(message) {
  process.stderr.write(`superos: ${message}\n`);
  process.exitCode = FAILED;
}

function start() {
  // Not `require`: for what Node itself has, this is all that it comes to.
  const fs = process.getBuiltinModule('node:fs');
  const vm = process.getBuiltinModule('node:vm');
  // Without node:path, of which the first use takes half a millisecond.
  const dist = __dirname.replace(/[^/\\]+$/, 'dist');
  const { href } = process.getBuiltinModule('node:url').pathToFileURL(`${dist}/cli.cjs`);
  const directory = cacheDirectory(fs);
  // Other commands than `run` use other parts of it.
  const command = /^(?:[a-z]+|-h|-V|--help|--version)$/.test(process.argv[2]) ? process.argv[2] : 'run';
  const loaded = Object.create(null);
  const uncached = [];
  process.on('exit', (status) => {
    // A run that came to nothing used little of it.
    if (status < FAILED - 1 && uncached.length > 0) write(fs, directory, uncached);
  });
  try {
    loaded['./cli.cjs'] = {};
    run('./cli.cjs');
  } catch (error) {
    if (error.syscall === undefined) throw error;
    fail(
      error.code === 'ENOENT' ? 'dist/ is not built: run `npm run build` first' : `${error.path} cannot be read: ${error.code}`,
    );
  }

  /** What the script `./NAME` of dist/ exports; it is run when something of it is first asked for. */
  function load(name) {
    if (loaded[name] === undefined) {
      const first = {
        get(_, key) {
          Object.setPrototypeOf(exports, null);
          run(name);
          return exports[key];
        },
      };
      const exports = Object.create(new Proxy({}, first));
      loaded[name] = exports;
    }
    return loaded[name];
  }

  function run(name) {
    compile(dist + name.slice(1))(href, (name) => import(name), load, loaded[name]);
  }

  function compile(filename) {
    // It is in ASCII, which needs no decoding.
    const source = fs.readFileSync(filename, 'latin1');
    if (directory === undefined || source.length < CACHED_FROM) return new vm.Script(source, { filename }).runInThisContext();
    // Its first line is a digest of the rest: V8 itself looks at no more than its length.
    const digest = source.slice(3, source.indexOf('\n'));
    const name = `${digest}-${process.versions.v8}-${process.arch}-${command}`;
    const script = new vm.Script(source, { filename, cachedData: read(fs, `${directory}/${name}`) });
    if (script.cachedDataRejected !== false) uncached.push({ name, script });
    return script.runInThisContext();
  }
}

/** V8 trusts what it finds in its cache, so that must be a directory of this user, in which nobody else writes, nor a guest. */
function cacheDirectory(fs) {
  if (process.getuid === undefined) return undefined;
  try {
    let base = process.env.XDG_CACHE_HOME || '';
    if (!base.startsWith('/')) base = `${process.env.HOME || process.getBuiltinModule('node:os').homedir()}/.cache`;
    if (!base.startsWith('/')) return undefined;
    const own = `${base}/superos`;
    const directory = `${own}/js`;
    for (const one of [own, directory]) {
      let stat = fs.lstatSync(one, { throwIfNoEntry: false });
      if (stat === undefined) {
        fs.mkdirSync(one, { recursive: true, mode: 0o700 });
        stat = fs.lstatSync(one);
      }
      if (!stat.isDirectory() || stat.uid !== process.getuid() || (stat.mode & OTHERS_WRITE) !== 0) return undefined;
    }
    return directory;
  } catch (_error) {
    // No such place here: the start takes a little longer.
    return undefined;
  }
}

/** V8 dies of damaged data rather than refuse it, so all of it is there twice; the second time is read piece by piece. */
function read(fs, file) {
  let fd;
  try {
    fd = fs.openSync(file);
    const bytes = Buffer.allocUnsafeSlow(fs.fstatSync(fd).size >>> 1);
    if (fs.readSync(fd, bytes) < bytes.length) return undefined;
    const again = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (let at = 0; at < bytes.length; ) {
      const count = fs.readSync(fd, again);
      if (count === 0 || bytes.compare(again, 0, count, at, at + count) !== 0) return undefined;
      at += count;
    }
    return bytes;
  } catch (_error) {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function write(fs, directory, scripts) {
  try {
    const names = scripts.map(({ name }) => name);
    for (const other of fs.readdirSync(directory)) {
      const file = `${directory}/${other}`;
      if (!names.includes(other) && Date.now() - fs.lstatSync(file).mtimeMs > STALE_MS) fs.rmSync(file, { recursive: true });
    }
    for (const { name, script } of scripts) {
      const temporary = `${directory}/tmp-${process.pid}-${process.hrtime.bigint()}`;
      const data = script.createCachedData();
      try {
        fs.writeFileSync(temporary, Buffer.concat([data, data]), { mode: 0o600, flag: 'wx' });
        fs.renameSync(temporary, `${directory}/${name}`);
      } finally {
        fs.rmSync(temporary, { force: true });
      }
    }
  } catch (_error) {
    // Full, or gone: the next start takes a little longer again.
  }
}
