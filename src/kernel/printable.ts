// Text of a guest's choosing, made fit for a person's terminal. It must never be used on bytes that a guest writes: those are its own.

/** Controls of both sets, line separators, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const LENGTH_MAX = 100;

/** Without anything that moves a cursor, colours, clears or reorders. */
export function plain(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** The same, cut where it is long: for names. */
export function printable(name: string): string {
  const text = plain(name);
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}...` : text;
}
