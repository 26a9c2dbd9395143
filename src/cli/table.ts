// Tables for a terminal, coloured there unless the environment says no, and plain where something else reads them.
import { plain } from '../kernel/printable.ts';
import { say } from './error.ts';

export type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };
const GAP = '  ';

/** Whether standard output shows colours: https://no-color.org. */
export function coloured(): boolean {
  const { env, getBuiltinModule } = process;
  return !env['NO_COLOR'] && env['TERM'] !== 'dumb' && getBuiltinModule('node:tty').isatty(1);
}

/** Names of files and patterns are in what is shown: nothing of theirs steers the terminal. */
export function paint({ text, colour }: Cell, colours: boolean): string {
  const safe = plain(text);
  return colours && colour !== undefined ? `\u001b[${CODES[colour]}m${safe}\u001b[0m` : safe;
}

/** Lines with the cells of each column below each other. */
export function table(rows: readonly (readonly Cell[])[], colours: boolean): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, { text }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length);
  return rows.map((row) => {
    const last = row.findLastIndex(({ text }) => text !== '');
    return row
      .slice(0, last + 1)
      .map((cell, i) => paint(cell, colours) + (i === last ? '' : ' '.repeat(widths[i]! - cell.text.length)))
      .join(GAP);
  });
}

/** To standard output, in one piece. */
export const print = (lines: readonly string[]): boolean => lines.length === 0 || say('stdout', lines.join('\n'));
