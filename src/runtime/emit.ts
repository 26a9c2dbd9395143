// Writes the rewritten module from its parsed form and the sealed plan. Sections come out in the order of the specification;
// whatever no pass touches is copied from the source.

import { type FunctionHints, type Hint, HintWriter, hintOf, readHints } from './hints.ts';
import { EPOCH, KERNEL_MODULE } from './kernel-module.ts';
import { MAGIC } from './magic.ts';
import { type Module, type Range, Section } from './module.ts';
import { rewriteNames } from './names.ts';
import { Op } from './opcodes.ts';
import { readElement } from './parse.ts';
import { type AddedFunction, emit, emitConst, type Plan } from './plan.ts';
import { Reader } from './reader.ts';
import { writeFunctionType, writeProvidedLimits, writeValueType } from './types.ts';
import { type AddedLocals, Walker } from './walk.ts';
import { u32Size, Writer } from './writer.ts';

const HEADER = Uint8Array.of(...MAGIC, 0x01, 0x00, 0x00, 0x00);
/** Shared, exactly one page: with a minimum a load at a constant address needs no bounds check. */
const EPOCH_LIMITS = Uint8Array.of(0x03, 1, 1);
const BRANCH_HINTS = 'metadata.code.branch_hint';
const NAMES = 'name';

// Custom sections. Kept as they are: those that hold no index and no code offset.
const KEPT_FIRST = new Set(['dylink.0']);
const KEPT_LAST = new Set(['producers', 'target_features']);
// Remapped: NAMES and BRANCH_HINTS. Every other one is dropped on purpose, because rewriting would make it lie: `.debug_*`,
// `sourceMappingURL` and `external_debug_info` (code offsets), `linking` and `reloc.*` (offsets, and no linker comes after us),
// other `metadata.code.*` (offsets), and all that the loader does not know.

function writeSection(out: Writer, id: number, content: Writer): void {
  out.u8(id).sized(content);
}

/** `bytes`: how many all items take about. */
function writeItems(out: Writer, id: number, count: number, write: (content: Writer) => void, bytes = 0): void {
  if (count === 0) return;
  const content = new Writer(bytes + 1024).u32(count);
  write(content);
  writeSection(out, id, content);
}

function writeCustom(out: Writer, name: string, content: Uint8Array): void {
  writeSection(out, Section.custom, new Writer(content.length + 64).name(name).raw(content));
}

function writeTypes(out: Writer, { module, types }: Plan): void {
  const { source, typeSection, typeGroups } = module;
  writeItems(out, Section.type, typeGroups + types.length, (content) => {
    content.copy(source, typeSection.start, typeSection.end);
    for (const type of types) writeFunctionType(content, type);
  });
}

function writeImports(out: Writer, plan: Plan): void {
  const { source, imports, memories } = plan.module;
  const kept = plan.provideMemories ? imports.filter((entry) => entry.kind !== 'memory') : imports;
  const provided = plan.provideMemories ? memories : [];
  const count = kept.length + plan.imports.length + provided.length + (plan.checks ? 1 : 0);
  writeItems(out, Section.import, count, (content) => {
    let functionNumber = 0;
    for (const entry of kept) {
      content.copy(source, entry.names.start, entry.names.end);
      if (entry.kind === 'function') content.u8(0).u32(plan.lowered.get(functionNumber++)?.type ?? entry.type);
      else content.copy(source, entry.description.start, entry.description.end);
    }
    for (const { name, type } of plan.imports) content.name(KERNEL_MODULE).name(name).u8(0).u32(type);
    provided.forEach((limits, index) => {
      content.name(KERNEL_MODULE).name(`memory${index}`).u8(2);
      writeProvidedLimits(content, limits);
    });
    if (plan.checks) {
      content.name(KERNEL_MODULE).name(EPOCH).u8(2);
      content.raw(EPOCH_LIMITS);
    }
  });
}

function writeFunctions(out: Writer, { module, functions }: Plan): void {
  const own = module.functions.subarray(module.importedFunctions);
  writeItems(out, Section.function, own.length + functions.length, (content) => {
    content.reserve(own.length * 2);
    for (let i = 0; i < own.length; i++) content.u32(own[i]!);
    for (const { type } of functions) content.u32(type);
  });
}

type WalkerFor = (content: Writer) => Walker;

/** Flags of a segment that only declares, and that it is of functions. */
const DECLARED = Uint8Array.of(3, 0);

function writeElements(out: Writer, { module, declared, map }: Plan, walkerFor: WalkerFor): void {
  const { source, elementSection: { start, end } = { start: 0, end: 0 } } = module;
  if (start === end && declared.length === 0) return;
  const reader = new Reader(source, start, end);
  const segments = start === end ? 0 : reader.count();
  const content = new Writer(end - start + 1024).u32(segments + Math.min(declared.length, 1));
  const walker = walkerFor(content);
  for (let left = segments; left > 0; left--) {
    const { header, count, indices, items } = readElement(reader);
    content.copy(source, header.start, header.end).u32(count);
    if (indices === undefined) walker.expression(items);
    else for (let i = 0; i < count; i++) content.u32(map[indices[i]!]!);
  }
  // After all others, whose numbers stay.
  if (declared.length > 0) content.raw(DECLARED).u32(declared.length);
  for (const { index } of declared) content.u32(index);
  writeSection(out, Section.element, content);
}

interface Code {
  readonly bodies: Writer;
  readonly hints: HintWriter;
}

function writeAdded(code: Code, { ref, locals, body }: AddedFunction): void {
  const hints: Hint[] = [];
  const out = new Writer(128).u32(locals.length);
  for (const local of locals) {
    out.u32(1);
    writeValueType(out, local);
  }
  body(out, (likely) => hints.push(hintOf(out.length, likely)));
  emit(out, Op.end);
  code.bodies.sized(out);
  code.hints.add(ref.index, hints);
}

/** What a check adds, with what of its surroundings is written anew. */
const CHECK_BYTES = 16;

function writeCode(plan: Plan, map: Uint32Array, known: FunctionHints): Code {
  const { module, functions, replacements, prologues, checks } = plan;
  const { source, code: section, importedFunctions } = module;
  const size = section.end - section.start;
  // To make a buffer of many megabytes longer takes as long as to fill it.
  const bytes = size + (size >> 4) + CHECK_BYTES * (checks?.offsets.length ?? 0) + 65_536;
  const code = { bodies: new Writer(bytes), hints: new HintWriter() };
  const walker = new Walker(source, code.bodies, { functionMap: map, replacements, prologues, checks, locals: locals(plan) });
  let position = section.start;
  for (let i = 0; i < section.count; i++) {
    const index = importedFunctions + i;
    position = walker.body(position, section.end, index, known.get(index));
    code.hints.add(map[index]!, walker.takeHints());
  }
  for (const added of functions) writeAdded(code, added);
  return code;
}

/** Added locals as they are declared, and how many parameters each function has before its own. */
function locals({ module, locals: added }: Plan): AddedLocals | undefined {
  if (added.length === 0) return undefined;
  const declared = new Writer();
  for (const type of added) {
    declared.u32(1);
    writeValueType(declared, type);
  }
  const { types, functions } = module;
  return { declared: declared.result(), groups: added.length, params: (index) => types[functions[index]!]!.params.length };
}

const PASSIVE = 1;
const MUTABLE = 1;

function writeData(out: Writer, plan: Plan): void {
  const { source, data } = plan.module;
  const room = data.reduce((sum, { start, end }) => sum + end - start, 0);
  const write = (content: Writer) => {
    for (const { start, end, target, content: bytes } of data) {
      if (target && plan.passiveData) content.u32(PASSIVE).copy(source, bytes.start, bytes.end);
      else content.copy(source, start, end);
    }
  };
  writeItems(out, Section.data, data.length, write, room);
}

function writeTables(out: Writer, module: Module, walkerFor: WalkerFor): void {
  writeItems(out, Section.table, module.ownTables.length, (content) => {
    const walker = walkerFor(content);
    for (const { declaration, expression } of module.ownTables) {
      if (expression) content.u8(0x40).u8(0x00);
      content.copy(module.source, declaration.start, declaration.end);
      if (expression) walker.expression(expression);
    }
  });
}

function writeGlobals(out: Writer, { module, globals }: Plan, walkerFor: WalkerFor): void {
  writeItems(out, Section.global, module.globals.length + globals.length, (content) => {
    const walker = walkerFor(content);
    for (const { declaration, expression } of module.globals) {
      content.copy(module.source, declaration.start, declaration.end);
      walker.expression(expression);
    }
    for (const type of globals) {
      writeValueType(content, type);
      content.u8(MUTABLE);
      emitConst(content, type === 'i64' ? 'i64' : 'i32', 0);
      emit(content, Op.end);
    }
  });
}

function writeExports(out: Writer, { module, exports }: Plan, map: Uint32Array): void {
  writeItems(out, Section.export, module.exports.length + exports.length, (content) => {
    for (const { nameRange, kind, index } of module.exports) {
      content.copy(module.source, nameRange.start, nameRange.end);
      content.u8(kind).u32(kind === 0 ? map[index]! : index);
    }
    for (const { name, ref } of exports) content.name(name).u8(0).u32(ref.index);
  });
}

function copyOf(source: Uint8Array, { start, end }: Range): Writer {
  return new Writer(end - start).copy(source, start, end);
}

export function assemble(plan: Plan): Uint8Array {
  const { module, map } = plan;
  const { source, customs } = module;
  const walkerFor: WalkerFor = (content) =>
    new Walker(source, content, { functionMap: map, replacements: new Map(), prologues: [] });
  const named = (name: string) => customs.find((custom) => custom.name === name);

  const code = writeCode(plan, map, readHints(module, named(BRANCH_HINTS)));
  const hints = code.hints.content();
  const added = code.bodies.length - (module.code.end - module.code.start) + (hints?.length ?? 0);
  const out = new Writer(source.length + (source.length >> 5) + Math.max(0, added) + 65_536).raw(HEADER);
  const keep = (names: ReadonlySet<string>) => {
    for (const custom of customs) if (names.has(custom.name)) writeSection(out, Section.custom, copyOf(source, custom));
  };
  keep(KEPT_FIRST);
  writeTypes(out, plan);
  writeImports(out, plan);
  writeFunctions(out, plan);
  writeTables(out, module, walkerFor);
  if (!plan.provideMemories)
    writeItems(out, Section.memory, module.ownMemories.length, (content) =>
      module.ownMemories.forEach((range) => {
        content.copy(source, range.start, range.end);
      }),
    );
  if (module.tagSection) writeSection(out, Section.tag, copyOf(source, module.tagSection));
  writeGlobals(out, plan, walkerFor);
  writeExports(out, plan, map);
  if (module.start !== undefined && !plan.dropStart) writeSection(out, Section.start, new Writer().u32(map[module.start]!));
  writeElements(out, plan, walkerFor);
  if (module.data.length > 0 || module.dataCount) writeSection(out, Section.dataCount, new Writer().u32(module.data.length));
  if (hints) writeCustom(out, BRANCH_HINTS, hints.result());
  const bodies = module.code.count + plan.functions.length;
  if (bodies > 0) {
    out.u8(Section.code).u32(u32Size(bodies) + code.bodies.length);
    out.u32(bodies).raw(code.bodies.result());
  }
  writeData(out, plan);
  const names = rewriteNames(plan, map, named(NAMES));
  if (names.length > 0) writeCustom(out, NAMES, names.result());
  keep(KEPT_LAST);
  return out.result();
}
