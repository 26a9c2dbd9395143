// Waiting for the first of several events.
import type { Capability } from '../../caps/capability.ts';
import { clockOf, nextStep } from '../../caps/clock.ts';
import type { CapObject, Description } from '../../caps/object.ts';
import { RIGHT } from '../../caps/rights.ts';
import type { Clock } from '../../hal/clock.ts';
import type { Errno } from '../../hal/errno.ts';
import type { Caller, Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { ERRNO } from '../errno.ts';
import { CLOCKS } from '../table.ts';

/** As POSIX bounds poll by the number of descriptors: what a call makes the kernel hold stays small. */
const SUBSCRIPTIONS_MAX = 4096;

/** WASI `subscription`: 48 bytes, userdata u64, tag u8 at 8. A clock: id u32 at 16, timeout u64 at 24, flags u16 at 40. A descriptor: u32 at 16. */
const SUBSCRIPTION = 48;
/** WASI `event`: 32 bytes, userdata u64, error u16 at 8, type u8 at 10, bytes u64 at 16, flags u16 at 24. */
const EVENT = 32;
const TAGS = ['clock', 'fd_read', 'fd_write'] as const;
const ABSTIME = 1;

interface Subscription {
  readonly userdata: bigint;
  readonly tag: number;
  /** What is wrong with it; it is an event at once. */
  readonly error: Errno | undefined;
  /** On the monotonic clock, for a clock. */
  readonly deadlineNs: number;
  /** The clock whose time the answer tells: whether a time of day is past tells which it is. */
  readonly reads: string | undefined;
  /** What it waits by: a clock, or the descriptor that `object` is of. */
  readonly capability: Capability<CapObject> | undefined;
  readonly object: Description | undefined;
}

export const poll_oneoff: Handler<'poll_oneoff'> = (caller, list, out, count, countOut) => {
  if (count === 0 || count > SUBSCRIPTIONS_MAX) return 'INVAL';
  const subscriptions: Subscription[] = [];
  const clocks = new Set<string>();
  for (let i = 0; i < count; i++) {
    const subscription = load(caller, list + i * SUBSCRIPTION);
    if (subscription === 'INVAL') return 'INVAL';
    subscriptions.push(subscription);
    if (subscription.reads !== undefined) clocks.add(subscription.reads);
  }
  let go = (): Result => attempt(caller, subscriptions, out, countOut);
  for (const clock of clocks) {
    const next = go;
    go = () => caller.review('clock_time_get', { clock }, next);
  }
  return go() as ReturnType<Handler<'poll_oneoff'>>;
};

function load(caller: Caller, at: number): Subscription | 'INVAL' {
  const { memory } = caller;
  const userdata = memory.getU64(at);
  const tag = memory.getU8(at + 8);
  const kind = TAGS[tag];
  if (kind === undefined) return 'INVAL';
  if (kind === 'clock') {
    const capability = clockOf(caller.capabilities);
    const id = memory.getU32(at + 16);
    const absolute = (memory.getU16(at + 40) & ABSTIME) !== 0;
    const deadline = deadlineOf(caller, capability?.object.clock, id, memory.getU64(at + 24), absolute);
    const bad = typeof deadline === 'string';
    return {
      userdata,
      tag,
      error: bad ? deadline : undefined,
      deadlineNs: bad ? 0 : deadline,
      reads: absolute && !bad ? CLOCKS[id] : undefined,
      capability,
      object: undefined,
    };
  }
  const capability = caller.capabilities.slots[memory.getU32(at + 16)];
  const needed = RIGHT.poll | (kind === 'fd_read' ? RIGHT.read : RIGHT.write);
  const error = capability === undefined ? 'BADF' : refused(caller, capability, needed);
  return {
    userdata,
    tag,
    error,
    deadlineNs: Number.POSITIVE_INFINITY,
    reads: undefined,
    capability,
    object: error === undefined ? capability?.object : undefined,
  };
}

function refused(caller: Caller, by: Capability, needed: number): 'NOTCAPABLE' | undefined {
  const rights = needed & ~by.rights;
  return rights === 0 ? undefined : caller.lacks({ call: 'poll_oneoff', by, rights });
}

/** When a timeout is over, on the monotonic clock, in nanoseconds. */
function deadlineOf(caller: Caller, clock: Clock | undefined, id: number, timeout: bigint, absolute: boolean): number | Errno {
  if (clock === undefined) return caller.lacks({ call: 'poll_oneoff', grant: 'clock' });
  const kind = CLOCKS[id];
  if (kind !== 'monotonic' && kind !== 'realtime') return kind === undefined ? 'INVAL' : 'NOTSUP';
  const now = clock.monotonic();
  const left = absolute ? timeout - (kind === 'monotonic' ? clock.monotonicTime() : clock.realtime()) : timeout;
  return nextStep(clock, now + Number(left));
}

function attempt(
  caller: Caller,
  subscriptions: readonly Subscription[],
  out: number,
  countOut: number,
): ReturnType<Handler<'poll_oneoff'>> {
  const waits: Promise<void>[] = [];
  const { capabilities } = caller;
  let deadlineNs = Number.POSITIVE_INFINITY;
  let events = 0;
  const now = caller.clock?.monotonic() ?? 0;
  for (const subscription of subscriptions) {
    const { error, object, capability } = subscription;
    if (error !== undefined) writeEvent(caller, out + EVENT * events++, subscription, error, 0);
    else if (!capabilities.holds(capability!)) writeEvent(caller, out + EVENT * events++, subscription, 'BADF', 0);
    else if (object === undefined) {
      if (subscription.deadlineNs <= now) writeEvent(caller, out + EVENT * events++, subscription, undefined, 0);
      else deadlineNs = Math.min(deadlineNs, subscription.deadlineNs);
    } else {
      const reading = TAGS[subscription.tag] === 'fd_read';
      const ready = object.ready(reading ? 'read' : 'write');
      if (ready === undefined)
        writeEvent(caller, out + EVENT * events++, subscription, undefined, reading ? object.available() : 0);
      else waits.push(ready);
    }
  }
  if (events === 0) {
    for (const { capability } of subscriptions) waits.push(capability!.gone());
    return caller.block(waits, deadlineNs === Number.POSITIVE_INFINITY ? undefined : deadlineNs, () =>
      attempt(caller, subscriptions, out, countOut),
    );
  }
  caller.memory.setU32(countOut, events);
  return undefined;
}

function writeEvent(
  { memory }: Caller,
  at: number,
  { userdata, tag }: Subscription,
  error: Errno | undefined,
  bytes: number,
): void {
  memory.bytes.fill(0, at, at + EVENT);
  memory.setU64(at, userdata);
  memory.setU16(at + 8, error === undefined ? 0 : ERRNO[error]);
  memory.setU8(at + 10, tag);
  memory.setSize(at + 16, bytes);
}
