// Which of its grants a program used, by the calls that it made, each cut down to what was used of it. A grant whose use no call
// shows is kept as it is.
import type { Observation } from '../../caps/policy/learn.ts';
import { covers, formatGrant, parseGrant } from '../../machine/grammar.ts';
import type { DirectoryGrant, Grant } from '../../machine/grants.ts';
import { netGrant } from '../../syscalls/facts.ts';
import { type Call, type CallName, TABLE } from '../../syscalls/table.ts';

/** Reading a clock, and waiting by one. */
const TIMED: readonly string[] = ['clock_time_get', 'clock_res_get', 'poll_oneoff', 'sleep_ms'];
/** In the grammar of grants. */
export function usedGrants(grants: readonly Grant[], observations: readonly Observation[]): string[] {
  const network = observations.flatMap(({ call, facts }) => netGrant(call, facts) ?? []);
  const used = grants.flatMap((grant): string[] => {
    const text = formatGrant(grant);
    if (grant === 'clock' || grant === 'clock:coarse') return observations.some(({ call }) => TIMED.includes(call)) ? [text] : [];
    if (grant === 'random') return observations.some((one) => one.call === 'random_get' || below(one, '/dev')) ? [text] : [];
    if (grant === 'dev') return observations.some((one) => below(one, '/dev')) ? [text] : [];
    if (grant === 'filesystem') return observations.some(({ facts }) => facts.paths !== undefined) ? [text] : [];
    if (grant === 'network') return network;
    if (typeof grant !== 'object') return [text];
    if ('dir' in grant) return directory(grant, observations);
    if ('tmp' in grant) return observations.some((one) => below(one, grant.tmp)) ? [text] : [];
    if (!('net' in grant)) return [text];
    // A listener that the program is given before it starts is used by no call that says where.
    if (grant.net === 'listen' && observations.some(({ call }) => call === 'sock_accept')) return [text];
    return network.filter((one) => covers(grant, parseGrant(one)));
  });
  return [...new Set(used)];
}

const below = ({ facts: { paths = [] } }: Observation, directory: string): boolean => {
  const base = directory.replace(/\/+$/, '');
  // Of a relative name it is not known where it lies.
  return paths.some((path) => !base.startsWith('/') || path === base || path.startsWith(`${base}/`));
};

/** Read only, where nothing was changed. */
function directory(grant: DirectoryGrant, observations: readonly Observation[]): string[] {
  const { dir, at = dir, rights = ['read', 'write'] } = grant;
  const inside = observations.filter((one) => below(one, at));
  if (inside.length === 0) return [];
  // What is done to an open file may be done to one of this directory.
  const touched = [...inside, ...observations.filter(({ facts }) => facts.paths === undefined && facts.kind === 'file')];
  const changed = touched.some(changes);
  return [formatGrant({ ...grant, rights: changed ? rights : rights.filter((right) => right === 'read') })];
}

function changes({ call, facts }: Observation): boolean {
  if (call === 'path_open') return facts.access !== 'read';
  const known: Call | undefined = call in TABLE ? TABLE[call as CallName] : undefined;
  return known?.groups.includes('fs-write') ?? false;
}
