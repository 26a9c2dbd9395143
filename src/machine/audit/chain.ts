// The lines of an audit log: each record is sealed by a hash over its own bytes, the hash of the record before it among them.
// It decides on bytes and never on what they mean, so that any program with SHA-256 can check a log.
//
// A line is `{"seq":N,"time":T,...,"prev":P,"hash":H}`: printable ASCII, H the SHA-256 of everything before `,"hash":`.
import { hash } from 'node:crypto';

/** What the first record follows. */
export const GENESIS = '0'.repeat(64);
/** What one record takes at most; nothing that is recorded comes near. */
export const LINE_BYTES_MAX = 2 ** 20;
/** Written by whoever goes on with a log whose last line was not whole, and names that line exactly. */
export const RECOVERED = 'recovered';

export interface Sealed {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Of a line that was cut: its bytes as they were found. */
export interface Torn {
  readonly bytes: number;
  readonly sha256: string;
}

/** Names of the log's own; a field of an event that has one of them gets a `_`. */
const RESERVED: readonly string[] = ['seq', 'time', 'prev', 'hash'];

/** The line, without its end, of a record. */
export function seal(seq: number, time: Date, fields: object, prev: string): { line: string; hash: string } {
  const named = Object.entries(fields).map(([name, value]) => [RESERVED.includes(name) ? `${name}_` : name, value]);
  const inner = ascii(JSON.stringify(Object.fromEntries(named))).slice(1, -1);
  const body = `{"seq":${seq},"time":"${time.toISOString()}",${inner === '' ? '' : `${inner},`}"prev":"${prev}"`;
  const sum = sha256(body);
  return { line: `${body},"hash":"${sum}"}`, hash: sum };
}

const LINE = /^(\{"seq":[1-9]\d*,"time":"[^"]*",[ -~]*"prev":"([0-9a-f]{64})"),"hash":"([0-9a-f]{64})"\}$/;

/** What a line holds; a word for what is wrong with it where it holds no record, or not the one that was sealed. */
export function unseal(line: Buffer): Sealed | 'no-record' | 'changed' {
  const match = LINE.exec(line.toString('latin1'));
  if (match === null) return 'no-record';
  const [text, body = '', prev = '', sum = ''] = match;
  if (sha256(body) !== sum) return 'changed';
  // What is sealed is JSON, unless somebody sealed something else.
  try {
    const record = JSON.parse(text) as Sealed['record'];
    return { seq: record['seq'] as number, prev, hash: sum, record };
  } catch {
    return 'no-record';
  }
}

export const tornOf = (bytes: Buffer): Torn => ({ bytes: bytes.length, sha256: sha256(bytes) });

/** Whether a record is the one that was written because of the line before it. */
export function names(record: Sealed['record'], line: Buffer): boolean {
  const torn = record['torn'] as Partial<Torn> | undefined;
  return record['what'] === RECOVERED && torn?.bytes === line.length && torn.sha256 === sha256(line);
}

const sha256 = (data: string | Buffer): string => hash('sha256', data);

/** A guest's names and paths are in the text: what could steer a terminal, and all that is not ASCII, is escaped. */
const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
