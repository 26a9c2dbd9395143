// The console driver: the host's standard streams. Nothing is opened, and no part of Node loaded, before it is used.
import type { Console, Stream } from '../console.ts';
import { FsTransfer, type Transfer } from './disk/transfer.ts';
import { Input } from './input.ts';
import { Output } from './output.ts';

/** A stream over descriptor `fd`, which stays the caller's to close. `transferOf`: for the bytes of a descriptor. */
export function nodeStream(
  fd: number,
  direction: 'read' | 'write',
  type?: Stream['type'],
  transferOf: (fd: number) => Transfer = (one) => new FsTransfer(one),
): Stream {
  return direction === 'read' ? new Input(fd, type, transferOf) : new Output(fd, type, transferOf);
}

export function nodeConsole(): Console {
  return {
    stdin: nodeStream(0, 'read'),
    stdout: nodeStream(1, 'write'),
    stderr: nodeStream(2, 'write'),
    size() {
      // Node's own streams are touched only where there is a terminal: they change the mode of a shared pipe.
      const { isatty } = process.getBuiltinModule('node:tty');
      const terminal = isatty(1) ? process.stdout : isatty(2) ? process.stderr : undefined;
      return terminal && { columns: terminal.columns, rows: terminal.rows };
    },
  };
}
