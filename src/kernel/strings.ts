// Arguments and environment in the form in which a guest gets them.
import { encodeUtf8 } from '../hal/utf8.ts';

export interface Strings {
  /** Each with its NUL. */
  readonly strings: readonly Uint8Array[];
  readonly bytes: number;
}

export function encodeStrings(texts: readonly string[]): Strings {
  const strings = texts.map((text) => encodeUtf8(`${text}\0`));
  return { strings, bytes: strings.reduce((sum, { length }) => sum + length, 0) };
}
