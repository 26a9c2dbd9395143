// A module that lets others look at its state: what it does is what it did.

import { type Module, Section } from '../../src/runtime/module.ts';
import { Writer } from '../../src/runtime/writer.ts';

/** The same module with every memory, every table and every global of its own exported. */
export function expose(bytes: Uint8Array, module: Module): Uint8Array {
  const imported = module.imports.filter(({ kind }) => kind === 'global').length;
  const exports = new Writer();
  let count = module.exports.length;
  for (const { nameRange, kind, index } of module.exports)
    exports.copy(bytes, nameRange.start, nameRange.end).u8(kind).u32(index);
  const add = (name: string, kind: number, index: number) => {
    exports.name(name).u8(kind).u32(index);
    count++;
  };
  for (const index of module.memories.keys()) add(`superos:memory${index}`, 2, index);
  for (const index of module.tables.keys()) add(`superos:table${index}`, 1, index);
  for (const index of module.globals.keys()) add(`superos:global${index}`, 3, imported + index);
  const section = new Writer().u8(Section.export).sized(new Writer().u32(count).raw(exports.result())).result();
  const out = new Writer().copy(bytes, 0, 8);
  let written = false;
  // Sections of a valid module come in the order of the specification.
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!;
    let size = 0;
    let next = at + 1;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[next++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (!written && (id === Section.export || (id > Section.export && id !== Section.tag) || id === Section.start)) {
      out.raw(section);
      written = true;
    }
    if (id !== Section.export) out.copy(bytes, at, next + size);
    at = next + size;
  }
  if (!written) out.raw(section);
  return out.result();
}
