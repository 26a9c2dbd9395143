// Entries of a policy as text: what tools write for people to read and change. What comes out always parses back.
import type { Action, Key } from './policy.ts';

export interface Entry {
  /** A call, or any other name that an entry may have. */
  readonly call: string;
  readonly when: readonly When[];
  /** Undefined where it is what the list does anyway. */
  readonly action?: Action | undefined;
  /** Text of anybody's choosing. */
  readonly comment?: string | undefined;
}

export interface When {
  readonly key: Key;
  readonly patterns: readonly string[];
}

/** The lines of an entry of a list at this indentation. */
export function entryLines({ call, when, action, comment }: Entry, indent: number): string[] {
  const at = ' '.repeat(indent);
  const note = comment === undefined ? '' : ` # ${commentText(comment)}`;
  if (when.length === 0 && action === undefined) return [`${at}- ${scalar(call)}${note}`];
  const lines = [`${at}- call: ${scalar(call)}${note}`];
  if (when.length > 0) {
    lines.push(`${at}  when:`);
    for (const { key, patterns } of when) lines.push(...patternLines(key, patterns, indent + 4));
  }
  if (action !== undefined) lines.push(`${at}  action: ${actionText(action)}`);
  return lines;
}

/** The same within brackets. */
export function flowEntry({ call, when, action }: Entry): string {
  if (when.length === 0 && action === undefined) return scalar(call);
  const conditions = when.map(({ key, patterns }) => `${key}: [${patterns.map(scalar).join(', ')}]`);
  const parts = [
    `call: ${scalar(call)}`,
    ...(when.length === 0 ? [] : [`when: { ${conditions.join(', ')} }`]),
    ...(action === undefined ? [] : [`action: ${actionText(action)}`]),
  ];
  return `{ ${parts.join(', ')} }`;
}

export const actionText = (action: Action): string => (action.do === 'errno' ? `{ errno: ${scalar(action.errno)} }` : action.do);

const LINE_MAX = 120;

function patternLines(key: Key, patterns: readonly string[], indent: number): string[] {
  const at = ' '.repeat(indent);
  const texts = patterns.map(scalar);
  const [only] = texts;
  const line = `${at}${key}: ${texts.length === 1 ? only : `[${texts.join(', ')}]`}`;
  if (texts.length === 1 || line.length <= LINE_MAX) return [line];
  return [`${at}${key}:`, ...texts.map((text) => `${at}  - ${text}`)];
}

/** Plain only where no reader of YAML, old or new, takes it for anything but this text. */
export function scalar(text: string): string {
  const plain = /^[A-Za-z_/][\w./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain
    ? text
    : JSON.stringify(text).replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/g;

const COMMENT_MAX = 200;

/** In one line, without what could steer a terminal or end the comment. */
export function commentText(text: string): string {
  const safe = text.replace(UNPRINTABLE, '\ufffd');
  return safe.length > COMMENT_MAX ? `${safe.slice(0, COMMENT_MAX)}...` : safe;
}
