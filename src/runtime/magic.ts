// What a WebAssembly binary begins with: a module's version follows, or a component's.
export const MAGIC = [0x00, 0x61, 0x73, 0x6d];

export const isBinary = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => bytes[at] === byte);
