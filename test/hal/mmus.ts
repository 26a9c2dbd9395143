// Native memory drivers for tests, on hosts that have one, with calls of the host's that can be made to fail.
import type { HostCalls } from '../../src/hal/node/mmu/calls.ts';
import { detect } from '../../src/hal/node/mmu/detect.ts';
import { Mappings } from '../../src/hal/node/mmu/mappings.ts';
import { NativeMmu } from '../../src/hal/node/mmu/native.ts';
import { PortableMmu } from '../../src/hal/node/mmu/portable.ts';

const calls = detect();

/** Undefined on a host that has none. */
export const hostCalls: HostCalls | undefined = typeof calls === 'string' ? undefined : calls;

export function nativeMmu(
  through = hostCalls,
  warn: (why: string) => void = () => {},
  mappings = new Mappings(() => 10_000),
): NativeMmu | undefined {
  return through && new NativeMmu(through, new PortableMmu(), mappings, warn);
}

/** `refuse` answers with an errno where a call is to fail, before the host hears of it. */
export function refusing(host: HostCalls, refuse: (call: string) => number | undefined, pageBytes = host.pageBytes): HostCalls {
  let errno: number | undefined;
  const asked = (call: string): boolean => {
    errno = refuse(call);
    return errno === undefined;
  };
  return {
    pageBytes,
    scans: host.scans,
    zero: (...of) => asked('zero') && host.zero(...of),
    copy: (...of) => asked('copy') && host.copy(...of),
    show: (...of) => asked('show') && host.show(...of),
    share: (...of) => asked('share') && host.share(...of),
    protect: (...of) => asked('protect') && host.protect(...of),
    discard: (...of) => asked('discard') && host.discard(...of),
    written: (...of) => (asked('written') ? host.written(...of) : -1),
    from: (range) => host.from(range),
    to: (range) => host.to(range),
    file: (bytes) => (asked('file') ? host.file(bytes) : undefined),
    duplicate: (fd, bytes) => (asked('duplicate') ? host.duplicate(fd, bytes) : undefined),
    seal: (fd) => asked('seal') && host.seal(fd),
    close: (fd) => host.close(fd),
    addressOf: (buffer) => host.addressOf(buffer),
    error: () => errno ?? host.error(),
  };
}
