// The commands other than `run`, and the help of all. Only loaded when one of them is asked for.
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command, CommanderError } from 'commander';
import { nearest } from '../caps/nearest.ts';
import { CommandError, STATUS } from './error.ts';
import { OPTIONS } from './options.ts';

/** Runs `superos ARGS...`; the exit status. */
export async function command(args: readonly string[]): Promise<number> {
  let status: number = STATUS.ok;
  const superos = new Command('superos')
    .description('Runs WebAssembly programs as processes with no rights but those they are given.')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .usage('[command] [options]')
    .addHelpText('after', '\nsuperos [options] PROGRAM [ARGS...] means superos run.')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const run = superos
    .command('run')
    .description('run a program')
    .usage('[options] PROGRAM [ARGS...]')
    .addHelpText(
      'before',
      'PROGRAM is a WebAssembly module, its text form (.wat), or - for standard input. What follows it is its own.\n',
    );
  for (const { name, short, value, help } of OPTIONS) {
    if (name === 'help') continue;
    run.option(`${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`, help);
  }
  superos
    .command('doctor')
    .description('what this host offers, and what is lost without')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import('./doctor.ts');
      status = doctor(options.json === true);
    });
  const names = superos.commands.map((one) => one.name());
  const [, wanted] = args;
  if (args[0] === 'help' && wanted !== undefined && !names.includes(wanted)) {
    const meant = nearest(wanted, names);
    throw new CommandError(
      `there is no command ${wanted}; ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`,
    );
  }
  for (const one of superos.commands) one.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await superos.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return STATUS.ok;
    throw new CommandError(error.message.replace(/^error: /, '').replaceAll('\n', ' '));
  }
}

function version(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('the package.json of superos is missing');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
