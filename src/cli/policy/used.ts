// Which of its grants a program used, by the calls that it made, each cut down to what was used of it. A grant whose use no call
// shows is kept as it is.
import type { Observation } from '../../caps/policy/learn.ts';
import { covers, formatGrant, parseGrant } from '../../machine/grammar.ts';
import type { DirectoryGrant, Grant } from '../../machine/grants.ts';
import { type Call, type CallName, TABLE } from '../../syscalls/table.ts';

/** Reading a clock, and waiting by one. */
const TIMED: readonly string[] = ['clock_time_get', 'clock_res_get', 'poll_oneoff', 'sleep_ms'];
/** By call the kind of grant that it takes. */
const NET: Readonly<Record<string, string>> = {
  net_connect: 'connect',
  net_listen: 'listen',
  net_bind: 'bind',
  net_send_to: 'udp',
  net_resolve: 'resolve',
};

/** In the grammar of grants. */
export function usedGrants(grants: readonly Grant[], observations: readonly Observation[]): string[] {
  const network = observations.flatMap(endpoints);
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

function endpoints({ call, facts: { host, addresses = [], port } }: Observation): string[] {
  const kind = NET[call];
  const name = host ?? addresses[0];
  if (kind === undefined || name === undefined) return [];
  const written = name.includes(':') ? `[${name}]` : name;
  if (kind === 'resolve') return [`net:resolve:${written}`];
  return port === undefined ? [] : [`net:${kind}:${written}:${port}`];
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
