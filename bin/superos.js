#!/usr/bin/env node
// The launcher: checks that this Node can run SuperOS, and starts it out of V8's cache of compiled JavaScript, which saves
// a tenth of the start. Written so that old versions of Node can read it.
var NODE_MAJOR = 26;
var FAILED = 125;
var OTHERS_WRITE = 0o022;

function fail(message) {
  process.stderr.write(`superos: ${message}\n`);
  process.exitCode = FAILED;
}

/** V8 trusts what it finds in its cache, so that must be a directory of this user, in which nobody else writes, nor a guest. */
function cacheDirectory() {
  if (process.getuid === undefined) return undefined;
  var fs = process.getBuiltinModule('node:fs');
  var path = process.getBuiltinModule('node:path');
  var base = process.env.XDG_CACHE_HOME || '';
  if (!path.isAbsolute(base)) base = path.join(process.getBuiltinModule('node:os').homedir(), '.cache');
  var own = path.join(base, 'superos');
  var directory = path.join(own, 'js');
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return [own, directory].every((name) => {
      var stat = fs.lstatSync(name);
      return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & OTHERS_WRITE) === 0;
    })
      ? directory
      : undefined;
  } catch (_error) {
    // No such place here: the start takes a little longer.
    return undefined;
  }
}

function start() {
  var cache = cacheDirectory();
  if (cache !== undefined) process.getBuiltinModule('node:module').enableCompileCache(cache);
  import('../dist/cli.js').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !/dist.cli\.js' imported/.test(error.message)) throw error;
    fail('dist/ is not built: run `npm run build` first');
  });
}

if (parseInt(process.versions.node, 10) < NODE_MAJOR) {
  fail(`needs Node ${NODE_MAJOR} or later, this is ${process.version}`);
} else if (typeof WebAssembly !== 'object' || typeof WebAssembly.Suspending !== 'function') {
  fail('needs WebAssembly with promise integration (JSPI), which this Node runs without');
} else {
  start();
}
