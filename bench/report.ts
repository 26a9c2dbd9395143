// The table that a person reads: one line a subject.
import { type Figure, OURS, type Row } from './subject.ts';

/** Contenders with a column of their own; any other is named in the column of its figure. */
const COLUMNS = [OURS, 'node:wasi', 'native'];
const HEAD = ['subject', ...COLUMNS, 'other', 'ratio', 'target', 'met'];

export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(HEAD), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

function cellsOf(row: Row): string[] {
  const show = (figure: Figure | string | undefined) =>
    figure === undefined ? '' : typeof figure === 'string' ? figure : `${digits(figure.median)} ${row.unit}`;
  const others = Object.keys(row.figures).filter((name) => !COLUMNS.includes(name));
  return [
    row.subject,
    ...COLUMNS.map((name) => show(row.figures[name])),
    others.map((name) => `${name}: ${show(row.figures[name])}`).join(', '),
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} x ${row.against}`,
    row.target,
    row.met === undefined ? (row.target === '' ? '' : 'not run') : row.met ? 'yes' : 'NO',
  ];
}

const digits = (value: number) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
