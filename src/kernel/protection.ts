// Protection of a process from its own mistakes in memory: what the kernel does for what the loader found in its program, or put
// there. It guards nothing of the kernel's: nothing here is needed for that.
import type { Entropy } from '../hal/entropy.ts';
import type { Mmu } from '../hal/mmu.ts';
import type { Layout, StackLayout } from '../runtime/layout.ts';
import type { Import } from '../syscalls/dispatch.ts';
import type { GuestMemory } from '../syscalls/memory.ts';
import type { CallName } from '../syscalls/table.ts';
import { detailed, isOutOfBounds, traced } from './fault.ts';
import { type Cause, trapped } from './status.ts';
import type { Thread } from './thread.ts';

export const PROTECTIONS = ['stack', 'canary', 'null-page', 'aslr'] as const;
export type ProtectionName = (typeof PROTECTIONS)[number];
/** What was asked for: those not named are as the program and the host allow. */
export type Protect = Readonly<Partial<Record<ProtectionName, boolean>>>;

export function isSame(one: Protect, other: Protect): boolean {
  return one === other || PROTECTIONS.every((name) => (one[name] ?? true) === (other[name] ?? true));
}

/** What protects a process; a string says why it does not. */
export interface ProcessProtection {
  /** How many bytes its stack has, and what notices that it overflows: checks, or the end of memory below it. */
  readonly stack: { readonly bytes: number; readonly exact: boolean; readonly by: 'check' | 'layout' } | string;
  readonly canary: { readonly address: number; readonly entropyBits: number } | string;
  readonly nullPage: true | string;
  readonly aslr: { readonly stackBits: number } | string;
  readonly writeXorExecute: true;
}

const STACK_ALIGNMENT = 16;
/** The stack begins lower by at most this part of it. */
const STACK_SHARE = 8;
/** The same, where the end of the stack is not known. */
const UNKNOWN_SHARE_BYTES = 1024;
/** Of the random number that an offset is drawn from. */
const OFFSET_BITS_MAX = 16;
const CANARY_BITS = 32;
const OFF = 'turned off';

/** In how many places the stack may begin, as a power of two. */
function stackBits({ low, high, exact }: StackLayout): number {
  const share = (high - low) / STACK_SHARE;
  // What is below a stack whose end is not known may be data: the stack may be a small part of it.
  const places = Math.floor((exact ? share : Math.min(share, UNKNOWN_SHARE_BYTES)) / STACK_ALIGNMENT);
  return places < 1 ? 0 : Math.min(Math.floor(Math.log2(places)), OFFSET_BITS_MAX);
}

/** What applies to a program under these settings. `nullPage`: true where the driver protects pages and has protected it. */
export function protectionOf({ stack }: Pick<Layout, 'stack'>, protect: Protect, nullPage: true | string): ProcessProtection {
  const bits = stack === undefined ? 0 : stackBits(stack);
  const none = 'no stack was found';
  const unmarked = stack === undefined ? none : 'the end of its stack is not known';
  const guarded = stack !== undefined && (stack.checked || (stack.exact && stack.low === 0));
  return {
    stack:
      stack === undefined
        ? none
        : guarded
          ? { bytes: stack.high - stack.low, exact: stack.exact, by: stack.checked ? 'check' : 'layout' }
          : OFF,
    canary:
      protect.canary === false
        ? OFF
        : stack?.canary === undefined
          ? unmarked
          : { address: stack.canary, entropyBits: CANARY_BITS },
    nullPage: protect['null-page'] === false ? OFF : nullPage,
    aslr:
      protect.aslr === false ? OFF : bits === 0 ? (stack === undefined ? none : 'its stack is too small') : { stackBits: bits },
    writeXorExecute: true,
  };
}

/** What a program whose stack is checked imports for it. */
export function stackImports(stack: StackLayout, thread: Thread): Record<string, (pointer: number) => void> {
  return {
    stack_overflow: (pointer) =>
      thread.process.end(trapped(traced(`${overflowed(stack)}, by ${stack.limit - (pointer | 0)} bytes`))),
  };
}

const overflowed = ({ low, high, exact }: StackLayout): string =>
  `the stack of ${exact ? '' : 'at most '}${high - low} bytes overflowed`;

/** Calls that write, or end the process: before one of them the canary is looked at. */
const WATCHED: ReadonlySet<string> = new Set<CallName>(['fd_write', 'fd_pwrite', 'sock_send', 'proc_exit']);

/** What guards one process while it runs. */
export class Guard {
  /** As was said; what descends from the process is protected as it is. */
  readonly protect: Protect;
  readonly #stack: StackLayout | undefined;
  readonly #memory: GuestMemory;
  readonly #entropy: Entropy;
  /** The canary; undefined where there is none. */
  #word: number | undefined;
  #lower: ((bytes: number) => number) | undefined;

  constructor({ stack }: Layout, protect: Protect, memory: GuestMemory, entropy: Entropy) {
    this.#stack = stack;
    this.protect = protect;
    this.#memory = memory;
    this.#entropy = entropy;
  }

  /** To be called before the first instruction of the process, its memory being as it begins. */
  arm({ exports }: WebAssembly.Instance): void {
    const stack = this.#stack;
    if (stack === undefined) return;
    const random = new Uint8Array(6);
    this.#entropy.fill(random, 0, random.length);
    const view = new DataView(random.buffer);
    this.#lower = exports[stack.lower] as (bytes: number) => number;
    if (this.protect.aslr !== false) this.#lower((view.getUint16(4) % 2 ** stackBits(stack)) * STACK_ALIGNMENT);
    if (this.protect.canary === false || stack.canary === undefined) return;
    this.#word = view.getUint32(0);
    this.#memory.setU32(stack.canary, this.#word);
  }

  /** The process has ended: lets go of the instance. */
  disarm(): void {
    this.#lower = undefined;
  }

  get intact(): boolean {
    return this.#word === undefined || this.#memory.getU32(this.#stack!.canary!) === this.#word;
  }

  /** Why a process ends whose canary is gone. */
  violated(): Cause {
    const at = `0x${this.#stack!.canary!.toString(16)}`;
    return trapped(
      traced(`the canary at ${at}, the end of the stack, was overwritten: by a stray pointer, or a stack that overflowed`),
    );
  }

  /** The cause, with what is known of it: a trap below a stack at address 0 is the stack's; of others V8 tells no address. */
  explain(cause: Cause): Cause {
    if (!isOutOfBounds(cause)) return cause;
    const stack = this.#stack;
    if (stack !== undefined && !stack.checked && this.#lower !== undefined && this.#lower(0) >>> 0 > stack.high)
      return { ...cause, message: `${overflowed(stack)}: ${cause.message}` };
    if (this.#memory.bytes.length === 0 || this.#memory.has(0, 1)) return cause;
    return detailed(cause, ': through null, or beyond the end of a memory');
  }
}

/** The import of a call, with a look at the canary before it where it writes or ends the process. */
export function watched({ stack }: Layout, call: CallName, thread: Thread, inner: Import): Import {
  if (stack?.canary === undefined || !WATCHED.has(call)) return inner;
  // No watched call has more: rest parameters would make an array at each call.
  return (a, b, c, d, e, f) => {
    const { process } = thread;
    if (process.guard.intact) return inner(a!, b!, c!, d!, e!, f!);
    process.end(process.guard.violated());
    return -1;
  };
}

/** Whether a driver makes the page at address 0 of such a program inaccessible, or why not. */
export function nullPageOf({ probed }: Layout, mmu: Pick<Mmu, 'driver' | 'pageBytes'>): true | string {
  const free = probed?.free ?? 0;
  if (free === 0) return 'the program has data or its stack there';
  if (mmu.driver === 'portable') return 'nothing protects pages on this host';
  return free >= mmu.pageBytes ? true : `only the first ${free} bytes are free, less than a page of this host`;
}
