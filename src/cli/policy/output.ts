// Policies that commands write: a file that is there is not overwritten by surprise, and never half.
import fs from 'node:fs';
import { CommandError } from '../error.ts';

/** Throws CommandError where `writeNew` would, as far as can be told before. */
export function checkNew(path: string): void {
  if (fs.existsSync(path)) throw present(path);
}

export function writeNew(path: string, text: string): void {
  try {
    fs.writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw code === 'EEXIST' ? present(path) : new CommandError(`-o ${path}: it cannot be written: ${code}`);
  }
}

const present = (path: string) => new CommandError(`-o ${path}: it is there already`);

/** In one step. */
export function replace(path: string, text: string): void {
  let temporary: string | undefined;
  try {
    // A link stays one.
    const file = fs.realpathSync(path);
    temporary = `${file}.${process.pid}`;
    fs.writeFileSync(temporary, text, { flag: 'wx', mode: fs.statSync(file).mode });
    fs.renameSync(temporary, file);
  } catch (error) {
    if (temporary !== undefined) fs.rmSync(temporary, { force: true });
    throw new CommandError(`${path} cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}

const NAME_MAX = 128;

/** What a policy that is made of this file is called. */
export const policyName = (file: string): string =>
  file
    .replace(/^.*[/\\]/, '')
    .replace(/\.\w+$/, '')
    .replace(/[^\w.-]/g, '-')
    .slice(0, NAME_MAX) || 'policy';
