// node:ffi, where this host has it: calls into the C library. Loaded only when something asks for it.
import process from 'node:process';

export type Ffi = typeof import('node:ffi');

/**
 * An argument too many, a `double`, which the C library does not look at and node:ffi does not check. It calls all functions of three
 * arguments through one function of its own, which V8 makes fast only as long as it is made once, for one C function: that is to be
 * `ioctl` (110 ns a call). And it checks what is no `double` in the same few lines for all types, fast where they have seen one only:
 * so each integer is an `int64`, whatever C calls it (25 ns a call). C looks at the lower half where that is all it wants.
 */
export const SPARE = 0;

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

/** On a Linux whose numbers are known here; or why this host has none. */
export const linuxFfi = (): Ffi | string => {
  const { platform, arch } = process;
  if (platform !== 'linux') return `needs Linux, not ${platform}`;
  if (arch !== 'x64' && arch !== 'arm64') return `needs x86-64 or ARM64, not ${arch}`;
  return loadFfi() ?? 'needs node:ffi, which this Node lacks or does not allow (--allow-ffi)';
};
