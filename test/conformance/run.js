// npm run conformance -- PATH [PART]: runs a public suite of which PATH is a checkout, or the files of it whose path has PART in it.
// Without PATH it says that nothing was run.

import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';

const NOT_RUN = {
  core: 'core suite: not run (give the path of a checkout of WebAssembly/testsuite)',
  wasi: 'wasi suite: not run (give the path of a checkout of WebAssembly/wasi-testsuite, branch prod/testsuite-base)',
};

async function main() {
  const path = process.argv[2] && resolve(process.argv[2]);
  if (path === undefined) {
    console.log(`${NOT_RUN.core}\n${NOT_RUN.wasi}`);
    return;
  }
  const filter = process.argv[3] ?? '';
  if (existsSync(resolve(path, 'tests')) && existsSync(resolve(path, 'test-runner'))) {
    const { runWasi } = await import('./wasi.ts');
    process.exitCode = await runWasi(path, filter);
  } else if (existsSync(path) && readdirSync(path).some((name) => name.endsWith('.wast'))) {
    const { runCore } = await import('./core.ts');
    process.exitCode = await runCore(path, filter);
  } else {
    console.error(`${path}: neither WebAssembly/testsuite nor WebAssembly/wasi-testsuite`);
    process.exitCode = 2;
  }
}

await main();
