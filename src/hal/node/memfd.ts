// Unnamed files of the host, which live as long as somebody has them open or mapped, and may be sealed.
import type { Ffi } from './ffi.ts';
import { HELD } from './held.ts';

export const SIGNATURES = {
  memfd_create: { return: 'int32', arguments: ['int64', 'int64'] },
  close: { return: 'int32', arguments: ['int64'] },
} as const;

const MFD_CLOEXEC = 1n;
const MFD_ALLOW_SEALING = 2n;
/** Linux 6.3; may be demanded by vm.memfd_noexec. It cannot be started as a program, but mapped in any way. */
const MFD_NOEXEC_SEAL = 8n;

/** Of the C library, as SIGNATURES has them. */
interface Functions {
  memfd_create(name: bigint, flags: bigint): number;
  close(fd: bigint): number;
}

export interface Memfds {
  /** An empty file: its descriptor, undefined where the host refuses. */
  make(): number | undefined;
  /** Node did not open it, and says so where it closes it. */
  close(fd: number): void;
}

export function memfds(ffi: Ffi, { memfd_create, close }: Functions): Memfds {
  const name = new ArrayBuffer(16);
  new Uint8Array(name).set(Buffer.from('superos'));
  return {
    make() {
      // The name is held by this function, so that it stays where it is.
      const at = ffi.getRawPointer(name);
      let fd = memfd_create(at, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
      HELD.bytes[fd] = 1;
      if (fd < 0) {
        fd = memfd_create(at, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        HELD.bytes[fd] = 1;
      }
      return fd < 0 ? undefined : fd;
    },
    close(fd) {
      close(BigInt(fd));
      HELD.bytes[fd] = 0;
    },
  };
}
