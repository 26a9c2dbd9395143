// Reads a module into its parsed form. V8 has validated the bytes; what it accepts and the loader does not know is refused here.

import { LoadError } from './errors.ts';
import { skipInstruction } from './immediates.ts';
import {
  type CustomSection,
  type DataSegment,
  type ElementSegment,
  type Export,
  type Import,
  type Module,
  type OwnTable,
  type Range,
  Section,
} from './module.ts';
import { Op } from './opcodes.ts';
import { Reader } from './reader.ts';
import { type Limits, readGlobalType, readLimits, readTableType, readTypes, readValueType, type TableType } from './types.ts';

// A program with more is no program but an attack on the memory of whoever loads it; V8 allows a million of each.
const IMPORTS_MAX = 10_000;
const EXPORTS_MAX = 100_000;

const SECTION_COUNT = 14;
const HEADER_SIZE = 8;

/** Reads a constant expression with its `end`. */
function expression(reader: Reader): Range {
  const start = reader.position;
  for (;;) {
    const opcode = reader.peek();
    reader.position = skipInstruction(reader.bytes, reader.position, reader.limit);
    if (opcode === Op.end) return { start, end: reader.position };
  }
}

function ranged<T>(reader: Reader, read: () => T): { value: T; range: Range } {
  const start = reader.position;
  const value = read();
  return { value, range: { start, end: reader.position } };
}

function readDescription(reader: Reader) {
  const at = reader.position;
  const kind = reader.u8();
  switch (kind) {
    case 0:
      return { kind: 'function', type: reader.u32() } as const;
    case 1:
      return { kind: 'table', table: readTableType(reader) } as const;
    case 2:
      return { kind: 'memory', limits: readLimits(reader) } as const;
    case 3:
      return { kind: 'global', ...readGlobalType(reader) } as const;
    case 4:
      reader.u8();
      return { kind: 'tag', type: reader.u32() } as const;
    default:
      throw new LoadError('unsupported', `unsupported import kind ${kind} at offset ${at}`);
  }
}

function readImport(reader: Reader): Import {
  const { value: base, range: names } = ranged(reader, () => ({ module: reader.name(), name: reader.name() }));
  const { value: item, range: description } = ranged(reader, () => readDescription(reader));
  return { ...base, names, description, ...item };
}

function readExport(reader: Reader): Export {
  const { value: name, range: nameRange } = ranged(reader, () => reader.name());
  return { name, nameRange, kind: reader.u8(), index: reader.u32() };
}

const TABLE_WITH_INITIALISER = 0x40;

function readTable(reader: Reader): { table: TableType; own: OwnTable } {
  const initialised = reader.peek() === TABLE_WITH_INITIALISER;
  if (initialised) reader.skip(2);
  const { value: table, range: declaration } = ranged(reader, () => readTableType(reader));
  return { table, own: initialised ? { declaration, expression: expression(reader) } : { declaration } };
}

export function readElement(reader: Reader): ElementSegment {
  const at = reader.position;
  const flags = reader.u32();
  if (flags > 7) reader.fail('unknown element segment kind', at);
  const active = (flags & 1) === 0;
  const expressions = (flags & 4) !== 0;
  if (active && flags & 2) reader.u32();
  if (active) expression(reader);
  if (flags & 3 && expressions) readValueType(reader);
  else if (flags & 3) reader.u8();
  const header = { start: at, end: reader.position };
  const count = reader.count();
  const start = reader.position;
  const indices = expressions ? undefined : new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    if (indices) indices[i] = reader.u32();
    else expression(reader);
  }
  return { header, count, ...(indices && { indices }), items: { start, end: reader.position } };
}

function readData(reader: Reader): DataSegment {
  const at = reader.position;
  const flags = reader.u32();
  if (flags > 2) reader.fail('unknown data segment kind', at);
  const target = flags === 1 ? undefined : { memory: flags === 2 ? reader.u32() : 0, offset: expression(reader) };
  const start = reader.position;
  const size = reader.u32();
  reader.skip(size);
  const end = reader.position;
  return { start: at, end, ...(target && { target }), content: { start, end }, size };
}

function readTag(reader: Reader): number {
  reader.u8();
  return reader.u32();
}

function items<T>(section: Reader | undefined, read: (reader: Reader) => T, what = '', most = Number.POSITIVE_INFINITY): T[] {
  const list: T[] = [];
  if (section === undefined) return list;
  const count = section.count();
  if (count > most) throw new LoadError('too-large', `the module has ${count} ${what}, more than ${most}`);
  for (let left = count; left > 0; left--) list.push(read(section));
  if (!section.done) section.fail('section size mismatch');
  return list;
}

export function parse(source: Uint8Array): Module {
  const reader = new Reader(source, 0);
  reader.skip(HEADER_SIZE);
  const sections = new Array<Reader | undefined>(SECTION_COUNT);
  const customs: CustomSection[] = [];
  while (!reader.done) {
    const at = reader.position;
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    if (id === Section.custom) {
      const start = section.position;
      const name = section.name();
      customs.push({ name, start, end: section.limit, content: section.position });
    } else if (id >= SECTION_COUNT) {
      throw new LoadError('unsupported', `unsupported section ${id} at offset ${at}`);
    } else if (sections[id] !== undefined) reader.fail(`section ${id} appears twice`, at);
    else sections[id] = section;
  }

  const typeReader = sections[Section.type];
  const typeGroups = typeReader?.count() ?? 0;
  const typeSection = { start: typeReader?.position ?? 0, end: typeReader?.limit ?? 0 };
  const types = readTypes(typeReader ?? new Reader(source, 0, 0), typeGroups);
  const imports = items(sections[Section.import], readImport, 'imports', IMPORTS_MAX);
  const importedTypes: number[] = [];
  const tags: number[] = [];
  const tables: TableType[] = [];
  const memories: Limits[] = [];
  for (const entry of imports) {
    if (entry.kind === 'function') importedTypes.push(entry.type);
    else if (entry.kind === 'table') tables.push(entry.table);
    else if (entry.kind === 'memory') memories.push(entry.limits);
    else if (entry.kind === 'tag') tags.push(entry.type);
  }
  const functions = Uint32Array.from(importedTypes.concat(items(sections[Section.function], (r) => r.u32())));
  const ownTables = items(sections[Section.table], readTable);
  tables.push(...ownTables.map((own) => own.table));
  const ownMemories = items(sections[Section.memory], (r) => ranged(r, () => readLimits(r)));
  memories.push(...ownMemories.map((own) => own.value));
  const globals = items(sections[Section.global], (r) => {
    const declaration = ranged(r, () => readGlobalType(r)).range;
    return { declaration, expression: expression(r) };
  });
  const exports = items(sections[Section.export], readExport, 'exports', EXPORTS_MAX);
  const start = sections[Section.start]?.u32();
  const element = sections[Section.element];
  const data = items(sections[Section.data], readData);
  const code = sections[Section.code];
  const codeCount = code?.count() ?? 0;
  const tag = sections[Section.tag];
  const tagSection = tag && { start: tag.position, end: tag.limit };
  for (const item of items(tag, readTag)) tags.push(item);
  return {
    source,
    typeSection,
    typeGroups,
    types: types.functions,
    objects: types.objects,
    imports,
    importedFunctions: importedTypes.length,
    functions,
    tables,
    memories,
    ownTables: ownTables.map(({ own }) => own),
    ownMemories: ownMemories.map((own) => own.range),
    globals,
    ...(tagSection && { tagSection }),
    tags,
    exports,
    ...(start !== undefined && { start }),
    ...(element && { elementSection: { start: element.position, end: element.limit } }),
    data,
    dataCount: sections[Section.dataCount] !== undefined,
    code: { start: code?.position ?? 0, end: code?.limit ?? 0, count: codeCount },
    customs,
  };
}
