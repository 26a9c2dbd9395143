// Protection of a process from its own mistakes in memory: what the kernel does for the checks that the loader put into its program.
// It guards nothing of the kernel's: no check here is needed for that.
import type { StackLayout } from '../runtime/layout.ts';
import { traced } from './fault.ts';
import { trapped } from './status.ts';
import type { Thread } from './thread.ts';

const STACK_ALIGNMENT = 16;
/** The stack begins lower by at most this part of it. */
const STACK_SHARE = 8;
/** An offset is drawn from 16 bits. */
const OFFSETS_MAX = 2 ** 16;

/** How many places there are where the stack may begin: a power of two. */
function stackPlaces({ low, high }: StackLayout): number {
  const places = Math.min(Math.floor((high - low) / STACK_SHARE / STACK_ALIGNMENT), OFFSETS_MAX);
  return places < 1 ? 1 : 2 ** Math.floor(Math.log2(places));
}

/** What a program whose stack is guarded imports for it. */
export function stackImports(stack: StackLayout, thread: Thread): Record<string, (pointer: number) => number | undefined> {
  const size = stack.high - stack.low;
  return {
    stack_overflow: (pointer) => {
      const beyond = stack.limit - (pointer | 0);
      const most = stack.exact ? '' : 'at most ';
      thread.process.end(trapped(traced(`the stack of ${most}${size} bytes overflowed, by ${beyond} bytes`)));
      return undefined;
    },
    stack_offset: () => {
      const { entropy } = thread.process.kernel.hal;
      const random = new Uint8Array(2);
      entropy.fill(random, 0, random.length);
      return ((random[0]! | (random[1]! << 8)) % stackPlaces(stack)) * STACK_ALIGNMENT;
    },
  };
}
