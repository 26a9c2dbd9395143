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
