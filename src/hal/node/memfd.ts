// Unnamed files of the host, which live as long as somebody has them open or mapped, and may be sealed.
import type { Ffi } from './ffi.ts';
import { HELD } from './held.ts';

export const SIGNATURES = {
  memfd_create: { return: 'int32', arguments: ['int64', 'int64'] },
} as const;

const MFD_CLOEXEC = 1n;
const MFD_ALLOW_SEALING = 2n;
/** Linux 6.3; may be demanded by vm.memfd_noexec. */
const MFD_NOEXEC_SEAL = 8n;

/** What makes an empty file: its descriptor, undefined where the host refuses. */
export function memfds(ffi: Ffi): () => number | undefined {
  const { memfd_create } = ffi.dlopen(null, SIGNATURES).functions;
  const name = new ArrayBuffer(16);
  new Uint8Array(name).set(Buffer.from('superos'));
  return () => {
    // The name is held by this function, so that it stays where it is.
    const at = ffi.getRawPointer(name);
    let fd = memfd_create(at, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    HELD.bytes[fd] = 1;
    if (fd < 0) {
      fd = memfd_create(at, MFD_CLOEXEC | MFD_ALLOW_SEALING);
      HELD.bytes[fd] = 1;
    }
    return fd < 0 ? undefined : fd;
  };
}
