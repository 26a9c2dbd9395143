// The loader: original bytes in, rewritten bytes and their layout out. V8 judges the original first; what the loader then does not
// understand is refused. It never runs guest code, and its output depends on nothing but the bytes and the options (what changes it for any
// input changes the version too: version.ts).

import { checkBounds } from './bounds.ts';
import { LoadError } from './errors.ts';
import { KERNEL_MODULE } from './kernel-module.ts';
import { isBinary } from './magic.ts';
import { parse } from './parse.ts';
import { bulk } from './passes/bulk.ts';
import { entry } from './passes/entry.ts';
import { memory } from './passes/memory.ts';
import { meter } from './passes/meter.ts';
import { preempt } from './passes/preempt.ts';
import { probe } from './passes/probe.ts';
import { segments } from './passes/segments.ts';
import { snapshot } from './passes/snapshot.ts';
import { stack } from './passes/stack.ts';
import { tables } from './passes/tables.ts';
import { unwind } from './passes/unwind.ts';
import { type Loaded, rewrite } from './pipeline.ts';
import type { LoadOptions, Pass } from './plan.ts';

export { LoadError } from './errors.ts';
export { KERNEL_MODULE } from './kernel-module.ts';
export type { Layout } from './layout.ts';
export type { Loaded } from './pipeline.ts';
export type { LoadOptions } from './plan.ts';

/** `entry` comes last: it collects what the others want run first. */
const PASSES: readonly Pass[] = [memory, tables, stack, probe, bulk, segments, unwind, meter, preempt, snapshot, entry];

const COMPONENT_LAYER = 1;

function isComponent(source: Uint8Array): boolean {
  return isBinary(source) && source[6] === COMPONENT_LAYER && source[7] === 0;
}

/** V8's message in one line. */
export function verdict(error: WebAssembly.CompileError): string {
  return error.message.replace(/^WebAssembly\.Module\(\): /, '').replaceAll(/[\r\n]+/g, ' ');
}

/** V8's own verdict on the original bytes. */
function validate(source: Uint8Array): void {
  // Unlike a module, a verdict keeps no copy of the bytes; only a module's error has a message.
  if (WebAssembly.validate(source as BufferSource)) return;
  try {
    new WebAssembly.Module(source as BufferSource);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    throw new LoadError('invalid-module', verdict(error));
  }
  throw new LoadError('invalid-module', 'V8 finds the module invalid, but does not say why');
}

export function load(original: Uint8Array, options: LoadOptions = {}): Loaded {
  // Shared bytes could change after V8 has judged them.
  const source = original.buffer instanceof SharedArrayBuffer ? new Uint8Array(original) : original;
  if (isComponent(source)) throw new LoadError('component', 'this is a WebAssembly component; only core modules can be run');
  checkBounds(source);
  validate(source);
  const module = parse(source);
  const reserved = module.imports.find((item) => item.module === KERNEL_MODULE);
  if (reserved) throw new LoadError('reserved-import', `the module imports from ${KERNEL_MODULE}, which is reserved`);
  return rewrite(module, PASSES, options);
}
