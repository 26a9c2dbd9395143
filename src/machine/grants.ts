// Grants: what a process is to be given, as data. How they are written is grammar.ts's affair, what they become grant.ts's.

/** A directory of this host. Without `rights` it can be read and written. */
export interface DirectoryGrant {
  readonly dir: string;
  /** Its name in the process; `dir` as it is by default. */
  readonly at?: string;
  readonly rights?: readonly ('read' | 'write')[];
}

/** An empty tree in memory, gone with the process. */
export interface TemporaryGrant {
  readonly tmp: string;
  /** Bytes that it holds at most, such as `64m`. */
  readonly size?: string | number;
}

/**
 * Network. `connect`: TCP to these hosts and ports; `listen`: TCP at these addresses and ports of this host; `udp`: datagrams to
 * these hosts and ports; `bind`: datagrams that come to these addresses and ports of this host.
 */
export interface NetworkGrant {
  readonly net: 'connect' | 'listen' | 'udp' | 'bind';
  /** A name, `*.NAME`, an address, `ADDRESS/BITS`, or `*`. */
  readonly host: string;
  /** A number, `A-B`, a list with commas, or `*`. 0, where a port of this host is meant: any that is free. */
  readonly ports: string | number;
}

/** The addresses of these names. */
export interface ResolveGrant {
  readonly net: 'resolve';
  readonly host: string;
}

/** A program that may be started. */
export interface ProgramGrant {
  /** Its path on this host. */
  readonly program: string;
}

/** A policy that it may put its children under. */
export interface PolicyGrant {
  /** Its path on this host, or the name of one that SuperOS brings. */
  readonly policy: string;
}

/** A function of the embedder: to give one, say the object that `machine.hostFunction` made. */
export interface FunctionGrant {
  /** `MODULE.FIELD`, as the guest imports it. */
  readonly function: string;
}

/** Memory that processes share: to give one, say the object that `machine.region` made. */
export interface RegionGrant {
  /** By which a guest finds it: `region:NAME`. */
  readonly region: string;
}

export type PlainGrant = 'clock' | 'clock:coarse' | 'random' | 'console' | 'dev' | 'threads' | 'network' | 'filesystem';

export type Grant =
  | PlainGrant
  | DirectoryGrant
  | TemporaryGrant
  | NetworkGrant
  | ResolveGrant
  | ProgramGrant
  | PolicyGrant
  | FunctionGrant
  | RegionGrant;

/** The programs that are named among grants, and the policies. */
export const programsAmong = (grants: readonly Grant[]): string[] =>
  grants.flatMap((one) => (typeof one === 'object' && 'program' in one ? [one.program] : []));
export const policiesAmong = (grants: readonly Grant[]): string[] =>
  grants.flatMap((one) => (typeof one === 'object' && 'policy' in one ? [one.policy] : []));

/** What a process has when nothing is said, besides its standard streams. */
export const STANDARD: readonly Grant[] = ['clock', 'random'];

const namesFiles = (grant: Grant): boolean =>
  grant === 'filesystem' || (typeof grant === 'object' && ('dir' in grant || 'tmp' in grant));

/** The standard set and `grants`; with a directory comes /dev, since only a process that has names of files looks for it. */
export const withStandard = (grants: readonly Grant[]): readonly Grant[] => [
  // A clock that is named more exactly stands for the standard one.
  ...STANDARD.filter((one) => one !== 'clock' || !grants.includes('clock:coarse')),
  ...(grants.some(namesFiles) ? (['dev'] as const) : []),
  ...grants,
];
