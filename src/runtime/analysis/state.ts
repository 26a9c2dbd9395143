// What of an instance's state the code of a module can change, and where its constant expressions put objects that could be changed
// from anywhere. It reads everything once, and says "can" wherever code that may never run would.

import { readIndex, skipInstruction, skipInteger, skipLocals, U32_MOST } from '../immediates.ts';
import type { Module, Range } from '../module.ts';
import { GC, MISC, Op, prefixed } from '../opcodes.ts';
import { readElement } from '../parse.ts';
import { Reader } from '../reader.ts';

export interface State {
  /** By global: code sets it. */
  readonly setGlobals: Uint8Array;
  /** By table: code sets its elements, or grows it. */
  readonly writtenTables: Uint8Array;
  /** Segments that code drops, ascending. */
  readonly droppedData: readonly number[];
  readonly droppedElements: readonly number[];
  /** By data segment: code reads it. */
  readonly readData: Uint8Array;
  /** By global: an object on the engine's heap that the module makes is behind what it is initialised with. */
  readonly objectGlobals: Uint8Array;
  /** By table: so it is behind an element that it is initialised with. */
  readonly objectTables: Uint8Array;
  /** The first passive element segment of such objects. */
  readonly objectSegment: number | undefined;
}

const GLOBAL_SET = 0x24;
const TABLE_SET = 0x26;
const ARRAY_NEW_DATA = GC + 9;
const ARRAY_INIT_DATA = GC + 18;
const ELEM_DROP = MISC + 13;
/** struct.new to array.new_elem: no other instruction of a constant expression makes an object. */
const NEW_LAST = GC + 10;

function numbers(marks: Uint8Array): number[] {
  return [...marks.keys()].filter((index) => marks[index] !== 0);
}

class Reading {
  readonly #module: Module;
  readonly setGlobals: Uint8Array;
  readonly writtenTables: Uint8Array;
  readonly readData: Uint8Array;
  readonly droppedData: Uint8Array;
  readonly droppedElements: Uint8Array;
  readonly objectGlobals: Uint8Array;
  readonly objectTables: Uint8Array;
  objectSegment: number | undefined;

  constructor(module: Module, globals: number, elements: number) {
    this.#module = module;
    this.setGlobals = new Uint8Array(globals);
    this.objectGlobals = new Uint8Array(globals);
    this.writtenTables = new Uint8Array(module.tables.length);
    this.objectTables = new Uint8Array(module.tables.length);
    this.readData = new Uint8Array(module.data.length);
    this.droppedData = new Uint8Array(module.data.length);
    this.droppedElements = new Uint8Array(elements);
  }

  code(): void {
    const { source, code } = this.#module;
    let p = code.start;
    for (let left = code.count; left > 0; left--) {
      const size = readIndex(source, p);
      const start = skipInteger(source, p, U32_MOST);
      const end = start + size;
      for (let at = skipLocals(source, start, end); at < end; at = skipInstruction(source, at, end)) this.#instruction(at);
      p = end;
    }
  }

  #instruction(at: number): void {
    const { source } = this.#module;
    const byte = source[at]!;
    if (byte === GLOBAL_SET) this.setGlobals[readIndex(source, at + 1)] = 1;
    else if (byte === TABLE_SET) this.writtenTables[readIndex(source, at + 1)] = 1;
    if (byte !== 0xfc && byte !== 0xfb) return;
    const opcode = prefixed(byte, readIndex(source, at + 1));
    const first = skipInteger(source, at + 1, U32_MOST);
    const second = () => readIndex(source, skipInteger(source, first, U32_MOST));
    switch (opcode) {
      case Op.memoryInit:
        this.readData[readIndex(source, first)] = 1;
        break;
      case ARRAY_NEW_DATA:
      case ARRAY_INIT_DATA:
        this.readData[second()] = 1;
        break;
      case Op.dataDrop:
        this.droppedData[readIndex(source, first)] = 1;
        break;
      case ELEM_DROP:
        this.droppedElements[readIndex(source, first)] = 1;
        break;
      case Op.tableInit:
        this.writtenTables[second()] = 1;
        break;
      case Op.tableCopy:
      case Op.tableGrow:
      case Op.tableFill:
        this.writtenTables[readIndex(source, first)] = 1;
    }
  }

  /** Whether an object is made by these expressions. One that they take from a global is that global's. */
  #makesObject({ start, end }: Range): boolean {
    const { source } = this.#module;
    for (let at = start; at < end; at = skipInstruction(source, at, end)) {
      if (source[at] !== 0xfb) continue;
      const opcode = prefixed(0xfb, readIndex(source, at + 1));
      if (opcode >= GC && opcode <= NEW_LAST) return true;
    }
    return false;
  }

  constants(): void {
    const { imports, globals, ownTables, tables } = this.#module;
    let index = imports.filter(({ kind }) => kind === 'global').length;
    for (const { expression } of globals) this.objectGlobals[index++] = this.#makesObject(expression) ? 1 : 0;
    const imported = tables.length - ownTables.length;
    ownTables.forEach(({ expression }, i) => {
      if (expression && this.#makesObject(expression)) this.objectTables[imported + i] = 1;
    });
  }

  elements(reader: Reader, segment: number): void {
    const { header, indices, items } = readElement(reader);
    if (indices !== undefined || !this.#makesObject(items)) return;
    const flags = new Reader(reader.bytes, header.start, header.end);
    const mode = flags.u32();
    if ((mode & 1) === 0) this.objectTables[mode & 2 ? flags.u32() : 0] = 1;
    else if ((mode & 2) === 0) this.objectSegment ??= segment;
  }
}

export function readState(module: Module): State {
  const { source, elementSection, imports, globals } = module;
  const elements = elementSection && new Reader(source, elementSection.start, elementSection.end);
  const segments = elements?.count() ?? 0;
  const imported = imports.filter(({ kind }) => kind === 'global').length;
  const reading = new Reading(module, imported + globals.length, segments);
  reading.code();
  reading.constants();
  if (elements) for (let segment = 0; segment < segments; segment++) reading.elements(elements, segment);
  const { setGlobals, writtenTables, readData, objectGlobals, objectTables, objectSegment } = reading;
  return {
    setGlobals,
    writtenTables,
    readData,
    droppedData: numbers(reading.droppedData),
    droppedElements: numbers(reading.droppedElements),
    objectGlobals,
    objectTables,
    objectSegment,
  };
}
