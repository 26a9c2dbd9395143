// `superos template build`: runs a program to a point, and writes how far it came, with the program itself, to a file.
import fs from 'node:fs';
import { basename } from 'node:path';
import { DiskCache } from '../hal/node/cache.ts';
import { engine } from '../hal/node/engine.ts';
import { Machine } from '../index.ts';
import { SuperosError } from '../machine/error.ts';
import { assemble, compile } from '../machine/source.ts';
import type { TemplateOptions } from '../machine/template.ts';
import { encodeTemplate } from '../machine/template-file.ts';
import { Programs } from '../runtime/program.ts';
import { CommandError, complain, STATUS, say } from './error.ts';
import type { Given } from './template.ts';

const EXTENSION = '.tpl';

/** The exit status. Throws CommandError. */
export async function buildTemplate(
  path: string,
  args: readonly string[],
  output: string,
  until: string | undefined,
  given: Given,
): Promise<number> {
  if (!output.endsWith(EXTENSION))
    throw new CommandError(`--output: a name that ends in ${EXTENSION} is expected, not ${output}`);
  try {
    const bytes = await read(path);
    const programs = new Programs(engine, given.cache ? new DiskCache() : undefined);
    const program = await compile(basename(path), bytes, programs, { snapshot: true });
    await using machine = await Machine.boot({ cpus: 0 });
    using template = await machine.template(program, optionsOf(args, until, given));
    const file = encodeTemplate(template, bytes);
    write(output, file);
    tell(output, file.length, template.reads);
    return STATUS.ok;
  } catch (error) {
    if (!(error instanceof SuperosError)) throw error;
    const status = { 'not-found': STATUS.notFound, 'not-runnable': STATUS.notRunnable }[error.code as string];
    throw new CommandError(error.message, status ?? STATUS.failed);
  }
}

async function read(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new CommandError(`there is no program ${path}`, STATUS.notFound);
    throw new CommandError(`${path} cannot be read: ${code}`, STATUS.notRunnable);
  }
  return path.endsWith('.wat') ? await assemble(bytes, path) : bytes;
}

function optionsOf(args: readonly string[], until: string | undefined, given: Given): TemplateOptions {
  const { grants, memory, timeout, cpuTime, fds } = given;
  const environment = given.environment.flatMap(([name, value = process.env[name]]) =>
    value === undefined ? [] : [[name, value]],
  );
  return {
    ...(until !== undefined && { until }),
    args,
    env: Object.fromEntries(environment),
    capabilities: grants,
    limits: {
      ...(memory !== undefined && { memory }),
      ...(timeout !== undefined && { timeout }),
      ...(cpuTime !== undefined && { cpuTime }),
      ...(fds !== undefined && { fds }),
    },
  };
}

/** Whoever reads it finds all of it or what was there before. */
function write(output: string, file: Uint8Array): void {
  const temporary = `${output}.${process.pid}`;
  try {
    fs.writeFileSync(temporary, file, { flag: 'wx' });
    fs.renameSync(temporary, output);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw new CommandError(`--output: ${output} cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function tell(output: string, bytes: number, reads: Readonly<Record<string, number>>): void {
  say('stdout', `${output}: ${bytes} bytes`);
  const calls = Object.entries(reads).map(([call, count]) => `${call} (${count})`);
  if (calls.length > 0) complain(`what it read until then is the same in every process that starts from it: ${calls.join(', ')}`);
}
