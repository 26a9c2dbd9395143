// What the arguments of a call say, in the words that conditions of policies use: derived from the table, so that the
// vocabulary of policies and what is looked at cannot part. Arguments are those that handlers get: copied once and checked.

import type { Capability } from '../caps/capability.ts';
import type { NetUse } from '../caps/endpoint.ts';
import { absolute } from '../caps/path.ts';
import type { Facts, Key } from '../caps/policy/policy.ts';
import { WRITE_ACCESS } from '../caps/rights.ts';
import type { Caller } from './caller.ts';
import type { Iovecs } from './iovecs.ts';
import type { Parameter } from './parameter.ts';
import { POSIX_SIGNALS } from './posix/child.ts';
import { type Call, type CallName, CLOCKS, OFLAG, SIGNALS, SYMLINK_FOLLOW, TABLE } from './table.ts';

/** A path among the arguments of a call, by places in what the handler is handed. */
export interface PathArgument {
  readonly at: number;
  /** The directory that it is relative to; without one it is the process's own. */
  readonly directory: number | undefined;
  /** Whether the call follows a link in the last component. */
  follows(handed: readonly unknown[]): boolean;
}

/** Facts of a call but its paths, which take the process's names and links to tell. */
type Reader = (handed: readonly unknown[]) => Omit<Facts, 'paths'>;

export interface CallFacts {
  readonly keys: readonly Key[];
  readonly paths: readonly PathArgument[];
  /** Of capabilities: places in what the handler is handed. */
  readonly capabilities: readonly number[];
  readonly read: Reader;
  /** Its first path may be a directory, which it takes with all that lies beneath it. */
  readonly moves: boolean;
  /** It says on its way what it is about, by `Caller.review`. */
  readonly reviewed: boolean;
}

/** The target of a new link is text, not a path that is walked now. */
const TEXTS: readonly string[] = ['path_symlink old_path'];
/** Calls about hosts, whose addresses are known once a name was looked up. */
const REVIEWED: readonly CallName[] = ['net_connect', 'net_send_to'];
/** Parameters that say how many bytes a call is about. */
const SIZES: readonly string[] = ['fd_allocate len', 'fd_filestat_set_size size', 'random_get buf'];

const known = new Map<CallName, CallFacts>();

export const factsOf = (name: CallName): CallFacts => known.getOrInsertComputed(name, workOut);

function workOut(name: CallName): CallFacts {
  const call: Call = TABLE[name];
  const paths: PathArgument[] = [];
  const capabilities: number[] = [];
  const readers = new Map<Key, (handed: readonly unknown[]) => unknown>();
  let at = 0;
  let directory: number | undefined;
  let before: Parameter | undefined;
  for (const parameter of call.params) {
    const here = at;
    const described = `${name} ${parameter.name}`;
    switch (parameter.kind) {
      case 'capability':
        directory = here;
        capabilities.push(here);
        if (capabilities.length === 1) readers.set('kind', (handed) => (handed[here] as Capability).object.kind);
        break;
      case 'host':
        readers.set('host', (handed) => handed[here] as string);
        break;
      case 'port':
        readers.set('port', (handed) => handed[here] as number);
        break;
      case 'path':
        if (!TEXTS.includes(described)) paths.push({ at: here, directory, follows: following(name, before, here) });
        break;
      case 'iovecs':
        readers.set('size', (handed) => (handed[here] as Iovecs).bytes);
        break;
      case 'choice':
        if (parameter.values === SIGNALS) readers.set('signal', (handed) => handed[here] as string);
        else if (parameter.values === CLOCKS) readers.set('clock', (handed) => handed[here] as string);
        break;
    }
    if (SIZES.includes(described)) {
      const place = parameter.kind === 'buffer' ? here + 1 : here;
      readers.set('size', (handed) => handed[place] as number);
    }
    before = parameter;
    at += parameter.kind === 'buffer' ? 2 : 1;
  }
  if (name === 'proc_kill') readers.set('signal', (handed) => POSIX_SIGNALS[handed[1] as number] ?? 'none');
  if (name === 'clock_time_get') readers.set('clock', (handed) => CLOCKS[handed[0] as number] ?? 'none');
  if (name === 'path_open') readers.set('access', (handed) => opening(handed[3] as number, handed[4] as number));
  const inOrder = Array.from(readers, ([key, read]) => ({ key, read }));
  return {
    keys: [...(paths.length > 0 ? (['path'] as const) : []), ...readers.keys()],
    paths,
    capabilities,
    moves: name === 'path_rename',
    reviewed: REVIEWED.includes(name),
    read: (handed) => {
      const facts: Record<string, unknown> = {};
      for (const { key, read } of inOrder) facts[key] = read(handed);
      return facts as Facts;
    },
  };
}

/** What a call is about. In plain loops, since policies ask for it at each call. */
export function tell(caller: Caller, { paths, read }: CallFacts, handed: readonly unknown[]): Facts {
  if (paths.length === 0) return read(handed);
  const places: string[] = [];
  for (const one of paths) places.push(placeOf(caller, handed, one));
  // A new object, so nobody minds what is added.
  const facts: { -readonly [K in keyof Facts]: Facts[K] } = read(handed);
  facts.paths = places;
  return facts;
}

/** Where a path of a call leads, as the process names it. */
function placeOf(caller: Caller, handed: readonly unknown[], { at, directory }: PathArgument): string {
  const path = handed[at] as string;
  if (directory !== undefined) return absolute((handed[directory] as Capability).object.path, path);
  const found = caller.resolve(path);
  return found === undefined ? absolute('/', path) : absolute(found.capability.object.path, found.rest);
}

/** What calls about hosts use an endpoint for. */
const NET_USES: ReadonlyMap<string, NetUse> = new Map([
  ['net_connect', 'connect'],
  ['net_listen', 'listen'],
  ['net_bind', 'bind'],
  ['net_send_to', 'udp'],
  ['net_resolve', 'resolve'],
]);

/** The least grant that a call about a host takes, in the grammar of grants; undefined for others, and where it is not known. */
export function netGrant(call: string, { host, addresses = [], port }: Facts): string | undefined {
  const use = NET_USES.get(call);
  const name = host ?? addresses[0];
  if (use === undefined || name === undefined) return undefined;
  const written = name.includes(':') ? `[${name}]` : name;
  if (use === 'resolve') return `net:resolve:${written}`;
  return port === undefined ? undefined : `net:${use}:${written}:${port}`;
}

/** Flags before a path say whether a link at its end is followed; chmod follows, as POSIX has it; others work on the name. */
function following(name: CallName, before: Parameter | undefined, at: number): PathArgument['follows'] {
  if (before?.kind === 'flags' && before.mask === SYMLINK_FOLLOW)
    return (handed) => ((handed[at - 1] as number) & SYMLINK_FOLLOW) !== 0;
  if (name === 'path_mode') return (handed) => handed[at + 1] !== 0;
  return () => name === 'chmod';
}

const opening = (oflags: number, rights: number): 'read' | 'write' =>
  (oflags & (OFLAG.creat | OFLAG.trunc)) !== 0 || (rights & WRITE_ACCESS) !== 0 ? 'write' : 'read';
