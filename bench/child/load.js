// Loads the module that argv[3] names in a fresh process, with the code cache (argv[2] is `superos`) or by V8 alone, and prints the
// milliseconds from its path to a compiled module.
import { readFileSync } from 'node:fs';
import { DiskCache } from '../../src/hal/node/cache.ts';
import { fileSource } from '../../src/hal/node/program-file.ts';
import { loadProgram } from '../../src/runtime/program.ts';

const [, , who, path] = process.argv;
const start = performance.now();
if (who === 'superos') await loadProgram(fileSource(path), new DiskCache());
else new WebAssembly.Module(readFileSync(path));
console.log(performance.now() - start);
