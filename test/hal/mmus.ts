// Native memory drivers for tests, on hosts that have one, with calls that can be made to fail.
import type { HostCalls } from '../../src/hal/node/mmu/calls.ts';
import { detect } from '../../src/hal/node/mmu/detect.ts';
import { NativeMmu } from '../../src/hal/node/mmu/native.ts';
import { PortableMmu } from '../../src/hal/node/mmu/portable.ts';

const calls = detect();

/** Undefined on a host that has none. */
export const hostCalls: HostCalls | undefined = typeof calls === 'string' ? undefined : calls;

export function nativeMmu(through = hostCalls, warn: (why: string) => void = () => {}): NativeMmu | undefined {
  return through && new NativeMmu(through, new PortableMmu(), warn);
}
