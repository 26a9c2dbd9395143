// From a host to addresses that may be used: what a guest names is looked up once, each address of the answer is checked
// against what was granted, the policy sees those that passed, and they alone are what is connected or sent to.
import type { Capability } from '../../caps/capability.ts';
import type { Endpoint } from '../../caps/endpoint.ts';
import type { CapObject } from '../../caps/object.ts';
import type { Facts } from '../../caps/policy/policy.ts';
import { type Address, formatAddress, parseAddress } from '../../hal/address.ts';
import type { Resolution } from '../../hal/net.ts';
import type { Caller, Result } from '../caller.ts';
import type { CallName } from '../table.ts';

/** What a call is to reach. */
export interface Reaching {
  readonly call: CallName;
  /** What the call works on: without it, it does not go on. */
  readonly by: Capability<CapObject>;
  readonly endpoint: Endpoint;
  readonly use: 'connect' | 'udp';
  /** In its one form. */
  readonly host: string;
  readonly port: number;
  /** What else the call is about. */
  readonly facts?: Facts;
}

/** Goes on with the addresses that may be used, at least one; NOTCAPABLE where there is none. */
export function reach(caller: Caller, what: Reaching, go: (addresses: readonly Address[]) => Result): Result {
  const { endpoint, use, host, port } = what;
  const address = parseAddress(host);
  if (address !== undefined)
    return endpoint.allowsAddress(use, address, port) ? reviewed(caller, what, [address], go) : lacking(caller, what);
  // A question to a resolver tells others something: it takes the same right as the answer's use.
  if (!endpoint.allowsName(use, host, port)) return lacking(caller, what);
  return caller.preview(what.call, { ...what.facts, host, port }, () => lookUp(caller, what, go));
}

function lookUp(caller: Caller, what: Reaching, go: (addresses: readonly Address[]) => Result): Result {
  const { endpoint, use, host, port } = what;
  return answered(caller, what.by, endpoint.net.resolve(host), (addresses) => {
    const allowed = addresses.filter((one) => endpoint.allowsAddress(use, one, port, host));
    if (allowed.length > 0) return reviewed(caller, what, allowed, go);
    return lacking(caller, what, addresses);
  });
}

/** `addresses`: what the host stands for, none of which was granted. */
const lacking = (caller: Caller, { call, by, host, port, facts }: Reaching, addresses?: readonly Address[]): 'NOTCAPABLE' =>
  caller.lacks({ call, by, facts: { ...facts, host, port, ...(addresses && { addresses: addresses.map(formatAddress) }) } });

/** Goes on with the answer of a resolver, for as long as `by` is held. */
export function answered(
  caller: Caller,
  by: Capability<CapObject>,
  question: Resolution,
  go: (addresses: readonly Address[]) => Result,
): Result {
  const { answer } = question;
  if (answer !== undefined) return typeof answer === 'string' ? answer : go(answer);
  return caller.block([question.done, by.gone()], undefined, () =>
    caller.capabilities.holds(by) ? answered(caller, by, question, go) : 'BADF',
  );
}

function reviewed(
  caller: Caller,
  { call, by, host, port, facts }: Reaching,
  addresses: readonly Address[],
  go: (addresses: readonly Address[]) => Result,
): Result {
  return caller.review(call, { ...facts, host, addresses: addresses.map(formatAddress), port }, () => go(addresses), by);
}
