// The program that a command line names: a file, or what standard input holds.
import { nodeStream } from '../hal/node/console.ts';
import { SuperosError } from '../machine/error.ts';
import { assemble, compile, loadSource } from '../machine/source.ts';
import type { LoadOptions } from '../runtime/plan.ts';
import type { Program, Programs } from '../runtime/program.ts';
import { CommandError, STATUS } from './error.ts';

const STDIN_FD = 0;
const STDIN_NAME = 'stdin';
/** The longest module that V8 takes. */
const MODULE_BYTES_MAX = 2 ** 30;
const CHUNK_BYTES = 65_536;

/** Throws CommandError: not found or not runnable. */
export async function programOf(path: string, programs: Programs, options: LoadOptions): Promise<Program> {
  try {
    if (path !== '-') return await loadSource(path, programs, options);
    const bytes = await readInput();
    // A module and a component start with a NUL, which no text does.
    return await compile(STDIN_NAME, bytes[0] === 0 ? bytes : await assemble(bytes, STDIN_NAME), programs, options);
  } catch (error) {
    if (!(error instanceof SuperosError)) throw error;
    throw new CommandError(error.message, error.code === 'not-found' ? STATUS.notFound : STATUS.notRunnable);
  }
}

async function readInput(): Promise<Uint8Array> {
  const stream = nodeStream(STDIN_FD, 'read');
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const got = stream.read(chunk, 0, CHUNK_BYTES);
    if (got === 0) break;
    if (got === 'AGAIN') await stream.ready('read');
    else if (typeof got === 'string')
      throw new CommandError(`the program cannot be read from standard input: E${got}`, STATUS.notRunnable);
    else {
      chunks.push(chunk.subarray(0, got));
      length += got;
      if (length > MODULE_BYTES_MAX) throw new CommandError('standard input is longer than a module can be', STATUS.notRunnable);
    }
  }
  stream.close();
  if (length === 0) throw new CommandError('standard input is empty: no program', STATUS.notRunnable);
  return Buffer.concat(chunks);
}
