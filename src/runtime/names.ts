// The `name` section of the rewritten module: function, local and label names follow their functions; stubs and helpers get names
// of their own, for backtraces. A malformed section is dropped: names never make a program fail.

import { encodeUtf8 } from '../hal/utf8.ts';
import { LoadError } from './errors.ts';
import type { CustomSection } from './module.ts';
import type { Plan } from './plan.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const FUNCTIONS = 1;
const LOCALS = 2;
const LABELS = 3;
const MOST_SUBSECTIONS = 256;

interface Named {
  readonly index: number;
  readonly name: Uint8Array;
}

function addedNames(plan: Plan): { imports: Named[]; functions: Named[] } {
  return {
    imports: plan.imports.map(({ ref, name }) => ({ index: ref.index, name: encodeUtf8(`superos.${name}`) })),
    functions: plan.functions.map(({ ref, name }) => ({ index: ref.index, name })),
  };
}

function writeNames(out: Writer, names: readonly Named[]): void {
  for (const { index, name } of names) out.u32(index).nameBytes(name);
}

/** Index of the original's definition of `index` in the rewritten module: an import's own, not its stub's. */
function ownIndex(plan: Plan, map: Uint32Array, index: number): number | undefined {
  return index < plan.module.importedFunctions ? index : map[index];
}

function functionNames(plan: Plan, map: Uint32Array, section: Reader | undefined): Writer {
  const { importedFunctions, functions } = plan.module;
  const { imports, functions: helpers } = addedNames(plan);
  const before = new Writer();
  const after = new Writer(section ? section.limit - section.position + 64 : 64);
  let count = imports.length + helpers.length;
  let previous = -1;
  for (let left = section?.count(2) ?? 0; left > 0; left--) {
    const index = section!.u32();
    const name = section!.nameBytes();
    if (index <= previous || index >= functions.length) section!.fail('names out of order');
    previous = index;
    count++;
    (index < importedFunctions ? before : after).u32(ownIndex(plan, map, index)!).nameBytes(name);
  }
  const out = new Writer(before.length + after.length + 1024).u32(count);
  out.raw(before.result());
  writeNames(out, imports);
  out.raw(after.result());
  writeNames(out, helpers);
  return out;
}

/** Locals or labels: a name map for each function. */
function indirectNames(plan: Plan, map: Uint32Array, section: Reader): Writer {
  const out = new Writer(section.limit - section.position + 64);
  const count = section.count(2);
  out.u32(count);
  let previous = -1;
  for (let left = count; left > 0; left--) {
    const index = section.u32();
    const start = section.position;
    if (index <= previous || index >= plan.module.functions.length) section.fail('names out of order');
    previous = index;
    for (let names = section.count(2); names > 0; names--) {
      section.u32();
      section.nameBytes();
    }
    out.u32(ownIndex(plan, map, index)!).copy(section.bytes, start, section.position);
  }
  return out;
}

function subsections(plan: Plan, map: Uint32Array, custom: CustomSection | undefined): Writer {
  const parts = new Map<number, Reader>();
  if (custom) {
    const reader = new Reader(plan.module.source, custom.content, custom.end);
    while (!reader.done) {
      const id = reader.u8();
      if (parts.has(id) || parts.size > MOST_SUBSECTIONS) reader.fail('repeated name subsection');
      parts.set(id, reader.sub(reader.u32()));
    }
  }
  if (!parts.has(FUNCTIONS) && plan.imports.length + plan.functions.length > 0)
    parts.set(FUNCTIONS, new Reader(Uint8Array.of(0)));
  const out = new Writer((custom ? custom.end - custom.content : 0) + 1024);
  for (const [id, part] of [...parts].sort(([a], [b]) => a - b)) {
    out.u8(id);
    if (id === FUNCTIONS) out.sized(functionNames(plan, map, part));
    else if (id === LOCALS || id === LABELS) out.sized(indirectNames(plan, map, part));
    else out.u32(part.limit - part.position).copy(part.bytes, part.position, part.limit);
  }
  return out;
}

/** The content of the section after its name; empty where there is nothing to name. */
export function rewriteNames(plan: Plan, map: Uint32Array, custom: CustomSection | undefined): Writer {
  try {
    return subsections(plan, map, custom);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return subsections(plan, map, undefined);
  }
}
