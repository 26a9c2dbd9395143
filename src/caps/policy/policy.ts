// A policy as the kernel works with it: rules by call, in layers of which each can only take away. Plain data, so that it
// can be sent to another thread; the YAML that people write is read elsewhere, once.
import type { Errno } from '../../hal/errno.ts';

/** What becomes of a call, from the most permissive to the strictest. */
export type Action =
  | { readonly do: 'allow' | 'log' | 'notify' }
  | { readonly do: 'errno'; readonly errno: Errno }
  | { readonly do: 'trap' | 'kill' };

/** Where something is written; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line itself. */
  readonly text: string;
}

/** What a condition can ask of a call. */
export type Key = 'path' | 'host' | 'port' | 'size' | 'signal' | 'clock' | 'kind' | 'access';

/** What a call is about, as far as conditions can ask: its arguments after they were copied and checked. */
export interface Facts {
  /** Absolute, as the guest names them, without `.`, `..`, links and double slashes. */
  readonly paths?: readonly string[];
  /** The call is about all that lies beneath the paths as well: it moves a directory. */
  readonly beneath?: boolean;
  /** As the guest named it, in lower case. */
  readonly host?: string;
  /** The addresses that the host stands for, in canonical text. */
  readonly addresses?: readonly string[];
  readonly port?: number;
  /** Bytes. */
  readonly size?: number;
  readonly signal?: string;
  readonly clock?: string;
  /** Of the object that the call works on: `file`, `pipe`, `console`... */
  readonly kind?: string;
  readonly access?: 'read' | 'write';
}

/** Facts as details of an event. */
export const flat = ({ paths, addresses, ...rest }: Facts) => ({
  ...rest,
  ...(paths && { paths: paths.join(' ') }),
  ...(addresses && { addresses: addresses.join(' ') }),
});

/** One line of a `when`. It holds if one of the patterns fits, and none of those that begin with `!`. */
export interface Condition {
  readonly key: Key;
  /** As written, and known to be well-formed. */
  readonly patterns: readonly string[];
}

/** An entry of `allowed_syscalls` or `denied_syscalls`. All of its conditions must hold. */
export interface Rule {
  /** The names of system calls that it is about; none for a POSIX name of something that is not there. */
  readonly calls: readonly string[];
  readonly conditions: readonly Condition[];
  readonly action: Action;
  readonly place: Place;
  /** What stands there: `read`, `@net`, `fd_write, fd_pwrite`... */
  readonly written: string;
}

/** What one file says. */
export interface Layer {
  readonly name: string;
  readonly file: string;
  /** Where SuperOS has the file, if it is one of those that it brings: nobody is told to change that. */
  readonly shipped: string | undefined;
  /** Without it all is allowed that is not denied. */
  readonly allowed: readonly Rule[] | undefined;
  readonly denied: readonly Rule[];
  /** What becomes of the calls that `allowed` leaves out. */
  readonly default: Action;
  /** Of `allowed_syscalls`, or where that is missing, of what the layer begins with. */
  readonly place: Place;
  /** Undefined where the file says nothing of capabilities; then another layer, or whoever starts the process, does. */
  readonly capabilities: readonly Granted[] | undefined;
}

/** A grant as text, in the grammar of grants. */
export interface Granted {
  readonly text: string;
  readonly place: Place;
}

/** Bytes, milliseconds or a count, whatever a number means where limits are set in a program. */
export interface Limit {
  readonly soft: number | undefined;
  readonly hard: number;
  readonly place: Place;
}

export interface Namespaces {
  /** Pids are counted from 1 for the process and its descendants, who see no others. */
  readonly pid: boolean;
  readonly hostname: string | undefined;
  readonly environment: {
    /** Patterns of names: of the host's variables those are passed on that fit one of each list; none without a list. */
    readonly pass: readonly (readonly string[])[];
    readonly set: Readonly<Record<string, string>>;
  };
  /** Patterns of guest paths: of the directories that a process is given, it sees those that fit one of each list. */
  readonly mounts: readonly (readonly string[])[];
}

/** Both must fit where both are said. */
export interface Target {
  /** A pattern of the name of the program's file. */
  readonly program: string | undefined;
  /** Of the program's bytes, lower case. */
  readonly sha256: string | undefined;
}

export interface Policy {
  readonly name: string;
  /** Those that it extends come first, its own last. There is at least one. */
  readonly layers: readonly Layer[];
  readonly limits: Readonly<Record<string, Limit>>;
  readonly namespaces: Namespaces;
  /** The programs that it is for; undefined: any. */
  readonly for: readonly Target[] | undefined;
}

/** What becomes of a call, and what says so. */
export interface Verdict {
  readonly action: Action;
  readonly layer: Layer;
  /** Undefined: the layer's default, or no list that would have to allow it. */
  readonly rule: Rule | undefined;
  readonly place: Place;
}

/** What the names in a policy stand for. */
export interface Vocabulary {
  readonly calls: readonly string[];
  /** By name without the `@`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Names of POSIX and Linux; those of what is not there stand for no call. */
  readonly posix: ReadonlyMap<string, readonly string[]>;
  keysOf(call: string): readonly Key[];
  /** The words that a condition on `signal`, `clock`, `kind` or `access` may name. */
  wordsOf(key: Key): readonly string[];
}
