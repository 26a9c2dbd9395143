// node:ffi, where this host has it: calls into the C library. Loaded only when something asks for it.
import process from 'node:process';

export type Ffi = typeof import('node:ffi');

/** Undefined in a build of Node without it, or where Node's permission model refuses it. */
export const loadFfi = (): Ffi | undefined => {
  // Node would tell whoever runs a guest that the module is experimental, which is nothing that they can act on.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:ffi');
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
};
