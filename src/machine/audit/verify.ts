// Whether an audit log is as it was written. The chain shows every change but two: an end that was cut off at a line, which a hash
// kept elsewhere shows, and a log that was written anew from some record on, which it shows as well.
import { GENESIS, LINE_BYTES_MAX, names, type Sealed, unseal } from './chain.ts';
import type { Line } from './lines.ts';

export type Fault = 'changed' | 'no-record' | 'removed' | 'inserted' | 'reordered' | 'broken' | 'torn' | 'cut';

export type Verification =
  | {
      readonly holds: true;
      readonly records: number;
      /** Hash of the last record. */
      readonly head: string;
      /** Lines that were cut when a host or its disk failed, and that the log itself owns up to. */
      readonly recovered: number;
      /** Records after the one that was asked for. */
      readonly since: number | undefined;
    }
  | {
      readonly holds: false;
      /** From 1. */
      readonly line: number;
      readonly fault: Fault;
      readonly why: string;
      /** Records before it, all as they were written. */
      readonly records: number;
    };

/** `head` is the hash of a record that must be there. */
export function verify(source: Iterable<Line>, head?: string): Verification {
  const lines = source[Symbol.iterator]();
  let previous: Sealed | undefined;
  let records = 0;
  let recovered = 0;
  let kept = head === GENESIS ? 0 : undefined;
  let number = 0;
  const failed = (fault: Fault, why: string, line = number): Verification => ({ holds: false, line, fault, why, records });
  for (let step = lines.next(); step.done !== true; step = lines.next()) {
    number++;
    const { bytes, whole } = step.value;
    if (!whole)
      return failed('torn', 'it has no end: it was cut, or is being written; whoever goes on with the log will record it');
    let found = unseal(bytes);
    if (typeof found === 'string' || !follows(found, previous)) {
      const { ahead, owner } = lookAhead(lines, bytes, previous);
      if (owner === undefined) {
        if (typeof found === 'string') return failed(found, found === 'changed' ? CHANGED : NO_RECORD);
        return misplaced(found, previous, rest(ahead, lines), failed);
      }
      number += ahead.length;
      recovered++;
      found = owner;
    }
    previous = found;
    records++;
    if (found.hash === head) kept = records;
  }
  if (head !== undefined && kept === undefined)
    return failed('cut', `the record ${head} is missing: the end was cut off, or this is another log`, number + 1);
  return {
    holds: true,
    records,
    head: previous?.hash ?? GENESIS,
    recovered,
    since: kept === undefined ? undefined : records - kept,
  };
}

const CHANGED = 'it was changed: its hash is not that of its text';
const NO_RECORD = 'it is no record';

const follows = (record: Sealed, previous: Sealed | undefined): boolean =>
  record.seq === (previous?.seq ?? 0) + 1 && record.prev === (previous?.hash ?? GENESIS);

/** How many lines may have been cut one after the other, on a disk that stays full. */
const TORN_MAX = 1000;

/** The record that names all the lines from a bad one up to itself as cut, and the lines that were read in search of it. */
function lookAhead(
  lines: Iterator<Line>,
  bad: Buffer,
  previous: Sealed | undefined,
): { ahead: Line[]; owner: Sealed | undefined } {
  const ahead: Line[] = [];
  let torn = bad;
  while (ahead.length < TORN_MAX && torn.length <= LINE_BYTES_MAX) {
    const step = lines.next();
    if (step.done === true) break;
    ahead.push(step.value);
    const { bytes, whole } = step.value;
    const record = whole ? unseal(bytes) : 'no-record';
    if (typeof record !== 'string' && follows(record, previous) && names(record.record, torn)) return { ahead, owner: record };
    torn = Buffer.concat([torn, NEWLINE, bytes]);
  }
  return { ahead, owner: undefined };
}

const NEWLINE = Buffer.from('\n');

function* rest(ahead: readonly Line[], lines: Iterator<Line>): Generator<Line> {
  yield* ahead;
  for (let step = lines.next(); step.done !== true; step = lines.next()) yield step.value;
}

/** A record as somebody sealed it, where another belongs. */
function misplaced(
  found: Sealed,
  previous: Sealed | undefined,
  after: Iterable<Line>,
  failed: (fault: Fault, why: string) => Verification,
): Verification {
  const expected = (previous?.seq ?? 0) + 1;
  if (found.seq === expected)
    return failed('broken', 'it does not follow the record before it: one of the two is of another log');
  if (found.seq < expected)
    return failed(
      'inserted',
      `it is record ${found.seq} where record ${expected} belongs: it was inserted, or lines were reordered`,
    );
  for (const { bytes } of after) {
    const other = unseal(bytes);
    if (typeof other !== 'string' && follows(other, previous))
      return failed('reordered', `it is record ${found.seq}, and record ${expected} stands after it: lines were reordered`);
  }
  const missing = found.seq === expected + 1 ? `record ${expected} is` : `records ${expected} to ${found.seq - 1} are`;
  return failed('removed', `${missing} missing before it`);
}
