// The kinds of parameters of system calls: how each travels from the guest, what is checked before a handler runs, and what
// the handler is handed. A 64-bit integer arrives as two halves, low first: the loader splits it in the guest, where that is free.
import type { Capability } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import type { Iovecs } from './iovecs.ts';

/** A parameter as the table lists it. `Handed` is what the handler gets for it. */
export interface Parameter<Handed extends readonly unknown[] = readonly unknown[]> {
  readonly name: string;
  readonly kind:
    | 'capability'
    | 'slot'
    | 'u32'
    | 'flags'
    | 'choice'
    | 'u64'
    | 'size'
    | 'delta'
    | 'rights'
    | 'out'
    | 'buffer'
    | 'path'
    | 'iovecs'
    | 'handle'
    | 'text'
    | 'host'
    | 'port';
  /** The types of the WebAssembly parameters that it consists of. */
  readonly wasm: readonly ('i32' | 'i64')[];
  /** capability and handle: rights needed, which may depend on the raw arguments a0, a1... flags: all that are defined. */
  readonly mask?: number | string;
  /** handle: the kind of object. */
  readonly object?: string;
  /** choice: by number. */
  readonly values?: readonly string[];
  /** out, buffer and iovecs: what the call does with the bytes. */
  readonly use?: 'read' | 'write';
  /** out: bytes that will be written, or how many in terms of the raw arguments a0, a1... and `caller`. */
  readonly bytes?: number | string;
  readonly handed?: Handed;
}

/** A descriptor: BADF unless open, NOTCAPABLE unless its capability has these rights. */
export const capability = (name: string, rights: number | string): Parameter<[capability: Capability]> => ({
  name,
  kind: 'capability',
  wasm: ['i32'],
  mask: rights,
});
/** A handle: BADF unless open, NOTCAPABLE unless what it names is of this kind and its capability has these rights. */
export const handle = <T extends CapObject>(
  name: string,
  object: T['kind'],
  rights: number | string,
): Parameter<[capability: Capability<T>]> => ({ name, kind: 'handle', wasm: ['i32'], object, mask: rights });
/** A descriptor by number, for calls that work on the table itself. */
export const slot = (name: string): Parameter<[slot: number]> => ({ name, kind: 'slot', wasm: ['i32'] });
export const u32 = (name: string): Parameter<[value: number]> => ({ name, kind: 'u32', wasm: ['i32'] });
/** Bits; INVAL if one is not defined. */
export const flags = (name: string, defined: number): Parameter<[bits: number]> => ({
  name,
  kind: 'flags',
  wasm: ['i32'],
  mask: defined,
});
/** One of a list; INVAL beyond it. */
export const choice = <const V extends readonly string[]>(name: string, values: V): Parameter<[value: V[number]]> => ({
  name,
  kind: 'choice',
  wasm: ['i32'],
  values,
});
export const u64 = (name: string): Parameter<[value: bigint]> => ({ name, kind: 'u64', wasm: ['i64'] });
/** Bytes or an offset, unsigned, as a double: exact below 2^53, and no file reaches that. */
export const size = (name: string): Parameter<[bytes: number]> => ({ name, kind: 'size', wasm: ['i64'] });
/** An offset, signed. */
export const delta = (name: string): Parameter<[bytes: number]> => ({ name, kind: 'delta', wasm: ['i64'] });
/** A set of WASI rights; undefined bits are dropped. */
export const rights = (name: string): Parameter<[rights: number]> => ({ name, kind: 'rights', wasm: ['i64'] });
/** Where a result goes: FAULT unless so many bytes are there, and can be written. */
export const out = (name: string, bytes: number | string, use: 'read' | 'write' = 'write'): Parameter<[address: number]> => ({
  name,
  kind: 'out',
  wasm: ['i32'],
  bytes,
  use,
});
/** Address and length of bytes: FAULT unless they are there, for this use. */
export const buffer = (name: string, use: 'read' | 'write' = 'write'): Parameter<[address: number, length: number]> => ({
  name,
  kind: 'buffer',
  wasm: ['i32', 'i32'],
  use,
});
/** Address and length of a path, copied once: FAULT, NAMETOOLONG, ILSEQ unless UTF-8, INVAL with a NUL. */
export const path = (name: string): Parameter<[path: string]> => ({ name, kind: 'path', wasm: ['i32', 'i32'] });
/** Address and length of a text that is no path; checked as one. */
export const text = (name: string): Parameter<[text: string]> => ({ name, kind: 'text', wasm: ['i32', 'i32'] });
/** Address and length of a host, copied once: an address or a name in its one form; INVAL where it is neither. */
export const host = (name: string): Parameter<[host: string]> => ({ name, kind: 'host', wasm: ['i32', 'i32'] });
/** INVAL above 65,535. */
export const port = (name: string): Parameter<[port: number]> => ({ name, kind: 'port', wasm: ['i32'] });
/** Address and count of a scatter or gather list, copied once: FAULT, INVAL. */
export const iovecs = (name: string, use: 'read' | 'write'): Parameter<[iovecs: Iovecs]> => ({
  name,
  kind: 'iovecs',
  wasm: ['i32', 'i32'],
  use,
});

export type HandedAll<P extends readonly Parameter[]> = P extends readonly [
  infer Head,
  ...infer Tail extends readonly Parameter[],
]
  ? [...(Head extends Parameter<infer Handed> ? Handed : never), ...HandedAll<Tail>]
  : [];
