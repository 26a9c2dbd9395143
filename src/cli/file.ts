// Files that a command reads whole, and what it says of those that it cannot.
import fs from 'node:fs';
import { readWhole } from '../machine/file.ts';
import { CommandError } from './error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'there is no such file',
};

export function unreadable(path: string, error: unknown): CommandError {
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return new CommandError(`${path} cannot be read: ${REASONS[code] ?? code}`);
}

/** Throws CommandError. `-` is standard input. */
export function readText(path: string, bytesMax: number): string {
  try {
    const bytes = path === '-' ? fs.readFileSync(0) : readWhole(path);
    if (bytes === undefined) throw new CommandError(`${path} is not a file`);
    if (bytes.length > bytesMax) throw new CommandError(`${path} is larger than ${bytesMax} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    throw error instanceof CommandError ? error : unreadable(path, error);
  }
}
