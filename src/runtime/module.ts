// The parsed form of a module: everything but function bodies, which stay where they are in the source bytes.
// Byte ranges refer to the source; nothing here is copied or changed.

import { LoadError } from './errors.ts';
import { IMMEDIATES, Op } from './opcodes.ts';
import { Reader } from './reader.ts';
import {
  type FunctionType,
  type Limits,
  readGlobalType,
  readLimits,
  readTableType,
  readTypes,
  readValueType,
  type TableType,
  type ValueType,
} from './types.ts';
import { decodeUtf8 } from './utf8.ts';
import { skipInstruction } from './walk.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

interface ImportBase {
  /** The two names with their lengths, as in the source. */
  readonly names: Range;
  /** The kind and what follows it. */
  readonly description: Range;
  readonly module: string;
  readonly name: string;
}

export type Import = ImportBase &
  (
    | { readonly kind: 'function'; readonly type: number }
    | { readonly kind: 'table'; readonly table: TableType }
    | { readonly kind: 'memory'; readonly limits: Limits }
    | { readonly kind: 'global'; readonly type: ValueType; readonly mutable: boolean }
    | { readonly kind: 'tag'; readonly type: number }
  );

export interface Export {
  readonly nameBytes: Uint8Array;
  readonly kind: number;
  readonly index: number;
}

/** A table of the module's own: `expression`, if any, initialises its elements. */
export interface OwnTable {
  readonly declaration: Range;
  readonly expression?: Range;
}

export interface OwnGlobal {
  readonly declaration: Range;
  readonly expression: Range;
}

export interface DataSegment extends Range {
  /** Of an active segment: where it goes. */
  readonly target?: { readonly memory: number; readonly offset: Range };
  /** The bytes, with their length. */
  readonly content: Range;
  readonly size: number;
}

export interface ElementSegment {
  /** Kind, table, offset and type: no function index is among them, because an offset has a numeric type. */
  readonly header: Range;
  readonly count: number;
  /** The items: function indices, or expressions. */
  readonly indices?: Uint32Array;
  readonly items: Range;
}

export interface CustomSection extends Range {
  readonly name: string;
  /** Where the content after the name begins. */
  readonly content: number;
}

export interface Module {
  readonly source: Uint8Array;
  /** The type section after its count. */
  readonly typeSection: Range;
  readonly typeGroups: number;
  readonly types: readonly (FunctionType | undefined)[];
  readonly imports: readonly Import[];
  readonly importedFunctions: number;
  /** Type index of every function, imported ones first. */
  readonly functions: Uint32Array;
  /** Every table and memory, imported ones first. */
  readonly tables: readonly TableType[];
  readonly memories: readonly Limits[];
  readonly ownTables: readonly OwnTable[];
  readonly ownMemories: readonly Range[];
  readonly globals: readonly OwnGlobal[];
  readonly tagSection?: Range;
  readonly exports: readonly Export[];
  readonly start?: number;
  readonly elements: readonly ElementSegment[];
  readonly data: readonly DataSegment[];
  readonly dataCount: boolean;
  readonly code: Range & { readonly count: number };
  readonly customs: readonly CustomSection[];
}

export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

const SECTION_COUNT = 14;
const HEADER_SIZE = 8;

/** Reads a constant expression with its `end`. */
function expression(reader: Reader): Range {
  const start = reader.position;
  for (;;) {
    const opcode = reader.peek();
    reader.position = skipInstruction(reader.bytes, reader.position, reader.limit, IMMEDIATES);
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

const TABLE_WITH_INITIALISER = 0x40;

function readTable(reader: Reader): { table: TableType; own: OwnTable } {
  const initialised = reader.peek() === TABLE_WITH_INITIALISER;
  if (initialised) reader.skip(2);
  const { value: table, range: declaration } = ranged(reader, () => readTableType(reader));
  return { table, own: initialised ? { declaration, expression: expression(reader) } : { declaration } };
}

function readElement(reader: Reader): ElementSegment {
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

function items<T>(section: Reader | undefined, read: (reader: Reader) => T): T[] {
  const list: T[] = [];
  if (section === undefined) return list;
  for (let left = section.count(); left > 0; left--) list.push(read(section));
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
      const name = decodeUtf8(section.nameBytes());
      customs.push({ name, start, end: section.limit, content: section.position });
    } else if (id >= SECTION_COUNT) {
      throw new LoadError('unsupported', `unsupported section ${id} at offset ${at}`);
    } else if (sections[id] !== undefined) reader.fail(`section ${id} appears twice`, at);
    else sections[id] = section;
  }

  const typeReader = sections[Section.type];
  const typeGroups = typeReader?.count() ?? 0;
  const typeSection = { start: typeReader?.position ?? 0, end: typeReader?.limit ?? 0 };
  const types = typeReader ? readTypes(typeReader, typeGroups) : [];
  const imports = items(sections[Section.import], readImport);
  const importedTypes: number[] = [];
  const tables: TableType[] = [];
  const memories: Limits[] = [];
  for (const entry of imports) {
    if (entry.kind === 'function') importedTypes.push(entry.type);
    else if (entry.kind === 'table') tables.push(entry.table);
    else if (entry.kind === 'memory') memories.push(entry.limits);
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
  const exports = items(sections[Section.export], (r) => ({ nameBytes: r.nameBytes(), kind: r.u8(), index: r.u32() }));
  const start = sections[Section.start]?.u32();
  const elements = items(sections[Section.element], readElement);
  const data = items(sections[Section.data], readData);
  const code = sections[Section.code];
  const codeCount = code?.count() ?? 0;
  const tag = sections[Section.tag];
  return {
    source,
    typeSection,
    typeGroups,
    types,
    imports,
    importedFunctions: importedTypes.length,
    functions,
    tables,
    memories,
    ownTables: ownTables.map(({ own }) => own),
    ownMemories: ownMemories.map((own) => own.range),
    globals,
    ...(tag && { tagSection: { start: tag.position, end: tag.limit } }),
    exports,
    ...(start !== undefined && { start }),
    elements,
    data,
    dataCount: sections[Section.dataCount] !== undefined,
    code: { start: code?.position ?? 0, end: code?.limit ?? 0, count: codeCount },
    customs,
  };
}
