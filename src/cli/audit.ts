// `superos audit verify`: whether an audit log is as it was written. It reads, and changes nothing.
import fs from 'node:fs';
import { plain } from '../kernel/printable.ts';
import { lines } from '../machine/audit/lines.ts';
import { verify } from '../machine/audit/verify.ts';
import { CommandError, STATUS, say } from './error.ts';
import { unreadable } from './file.ts';

const BROKEN = 1;
const HASH = /^[0-9a-f]{64}$/;

/** The exit status: 0 where the chain holds, 1 where it does not. */
export function verifyAudit(path: string, { head, json = false }: { readonly head?: string; readonly json?: boolean }): number {
  if (head !== undefined && !HASH.test(head)) throw new CommandError(`--head: 64 hexadecimal digits are expected, not '${head}'`);
  const fd = open(path);
  try {
    const found = verify(lines(fd), head);
    if (json) say('stdout', JSON.stringify({ file: path, ...found }));
    else if (found.holds) {
      const { records, recovered, since } = found;
      const details = [
        recovered > 0 && `${recovered} recovered after a line was cut`,
        since !== undefined && `${since} after the one given`,
      ].filter((one) => one !== false);
      say('stdout', `${records} records, the chain holds${details.length > 0 ? ` (${details.join(', ')})` : ''}`);
      say('stdout', `head ${found.head}`);
    } else {
      say('stdout', plain(`${path}:${found.line}: ${found.why}`));
      const { records } = found;
      say(
        'stdout',
        records === 1 ? '1 record before it is as it was written' : `${records} records before it are as they were written`,
      );
    }
    return found.holds ? STATUS.ok : BROKEN;
  } finally {
    fs.closeSync(fd);
  }
}

function open(path: string): number {
  try {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    if (fs.fstatSync(fd).isFile()) return fd;
    fs.closeSync(fd);
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new CommandError(`${path} is not a file`);
}
