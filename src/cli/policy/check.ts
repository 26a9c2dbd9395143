// `superos policy check`: whether policies are valid; all that is wrong with them, and what is hardly meant.
import type { Problem } from '../../caps/policy/source.ts';
import { plain } from '../../kernel/printable.ts';
import { CommandError, complain, STATUS, say } from '../error.ts';
import { coloured, paint, print } from '../table.ts';
import { examine } from './load.ts';
import { warnings } from './warnings.ts';
import { placeJson, pointed } from './words.ts';

const INVALID = 1;

interface Report {
  readonly file: string;
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** The exit status: 1 where a policy is not valid, that of a failure where one cannot be read. */
export async function check(paths: readonly string[], { json = false }: { readonly json?: boolean }): Promise<number> {
  let status: number = STATUS.ok;
  const reports: Report[] = [];
  for (const file of paths) {
    try {
      const found = await examine(file);
      const report = 'layers' in found ? { file, errors: [], warnings: warnings(found) } : { file, errors: found, warnings: [] };
      reports.push(report);
      if (report.errors.length > 0 && status === STATUS.ok) status = INVALID;
      if (!json) print(lines(report, coloured()));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // The others are looked at all the same.
      complain(error.message);
      status = error.status;
    }
  }
  if (json) say('stdout', JSON.stringify(reports.map(reportJson)));
  return status;
}

function lines({ file, errors, warnings }: Report, colours: boolean): string[] {
  const shown = (what: 'error' | 'warning', { place, message }: Problem) => [
    `${plain(`${place.file}:${place.line}:${place.column}`)}: ${paint({ text: what, colour: what === 'error' ? 'red' : 'yellow' }, colours)}: ${plain(message)}`,
    ...pointed(place).map(plain),
  ];
  const valid = errors.length === 0 ? [`${plain(file)}: ${paint({ text: 'valid', colour: 'green' }, colours)}`] : [];
  return [...errors.flatMap((one) => shown('error', one)), ...warnings.flatMap((one) => shown('warning', one)), ...valid];
}

const reportJson = ({ file, errors, warnings }: Report): object => {
  const json = ({ place, message }: Problem) => ({ ...placeJson(place), message, text: place.text });
  return { file, valid: errors.length === 0, errors: errors.map(json), warnings: warnings.map(json) };
};
