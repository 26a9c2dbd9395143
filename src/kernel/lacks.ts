// Calls that were refused for want of a capability: told to the audit, and at the end of the process to whoever waits for it, with the
// grant that would allow them. Where the process itself gave up the right, or opened a file without it, no grant would.
import { rightsByName } from '../caps/object.ts';
import { flat, type Policy } from '../caps/policy/policy.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS } from '../caps/rights.ts';
import type { Lack } from '../syscalls/caller.ts';
import { netGrant } from '../syscalls/facts.ts';
import { founder } from './offspring.ts';
import { Told } from './policy/refusals.ts';
import type { Process } from './process.ts';
import type { ExitStatus } from './status.ts';

/** Characters of a name that a guest asked for. */
const WANTED_MAX = 256;
const WHY = 'no capability of the process allows it';

export function tellLack(process: Process, lack: Lack): void {
  const { call, by, rights = 0, wanted, facts = {} } = lack;
  process.capabilities.audit?.record('refuse', {
    call,
    why: WHY,
    ...(by !== undefined && { kind: by.object.kind, number: by.place, ...(by.name !== undefined && { name: by.name }) }),
    ...(by !== undefined && rights !== 0 && { lacking: rightsByName(by.object, rights).join(' ') }),
    ...(wanted !== undefined && { wanted: wanted.slice(0, WANTED_MAX) }),
    ...flat(facts),
  });
  const grant = grantFor(process, lack);
  if (grant === undefined) return;
  const remedy = remedyFor(process.gate?.watch.policy, grant);
  process.told ??= new Told();
  process.told.refused.addLack(call, facts, remedy);
  const first = founder(process);
  if (first === process) return;
  first.told ??= new Told();
  first.told.refused.addLack(call, facts, remedy, { pid: process.pid, program: process.program.name });
}

/** For the status of a process: what was refused to it and to those that descend from it, and what its policy logs of them. */
export function toldOf({ gate, told }: Process): Pick<ExitStatus, 'refused' | 'logged'> | undefined {
  const refused = both(gate?.refused, told?.refused.list);
  const logged = both(gate?.logged, told?.logged.list);
  return refused === undefined && logged === undefined ? undefined : { ...(refused && { refused }), ...(logged && { logged }) };
}

/** Undefined where there is nothing in either. */
const both = <T>(one: readonly T[] = [], other: readonly T[] = []): T[] | undefined =>
  one.length + other.length === 0 ? undefined : [...one, ...other];

interface Wanted {
  readonly grant: string;
  /** The one that the process has, and that it would stand for. */
  readonly insteadOf?: string;
}

function grantFor(
  process: Process,
  { call, by, rights = 0, facts = {}, grant = netGrant(call, facts) }: Lack,
): Wanted | undefined {
  if (grant !== undefined) return { grant };
  const given = by?.name;
  if (given === undefined || (rights & ~(DIRECTORY_RIGHTS | FILE_RIGHTS)) !== 0) return undefined;
  const wide = given.replace(/^(dir:.*):(ro|wo)$/s, '$1');
  if (wide === given) return undefined;
  for (let one: Process | undefined = process; one !== undefined; one = one.parent)
    if (one.grants.allows(given, rights)) return undefined;
  return { grant: wide, insteadOf: given };
}

/** A policy that lists capabilities is where a process gets its own from. */
function remedyFor(policy: Policy | undefined, { grant, insteadOf }: Wanted): string {
  const listing = policy?.layers.findLast(({ capabilities }) => capabilities !== undefined);
  const place = listing?.capabilities?.[0]?.place ?? listing?.place;
  const replaced = insteadOf === undefined ? '' : ` in place of ${insteadOf}`;
  if (place !== undefined) return `${place.file}:${place.line}: add '- ${grant}' to capabilities${replaced}`;
  return `give it ${grant}${replaced} (--cap ${grant})`;
}
