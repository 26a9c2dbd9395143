// `superos template`, as help shows it. What it needs is loaded when it is asked for.
import type { Command } from 'commander';
import { CommandError } from './error.ts';
import { flagsOf, OPTIONS, type RunRequest } from './options.ts';
import { newRequest } from './parse.ts';

/** What a program may be given until the point where it stands still: nothing of it is in the template, but what it read. */
export type Given = Pick<RunRequest, 'grants' | 'environment' | 'memory' | 'timeout' | 'cpuTime' | 'fds' | 'cache'>;

const GIVEN = ['dir', 'volume', 'env', 'cap', 'memory', 'timeout', 'cpu-time', 'fds', 'no-cache'];

/** `done` gets the exit status. */
export function templateCommands(superos: Command, done: (status: number) => void): void {
  const template = superos
    .command('template')
    .description('run a program to a point, for processes to start from there')
    .usage('COMMAND [options]');
  const request = newRequest();
  const build = template
    .command('build')
    .description('run a program to a point and write a template, which superos run takes like any program')
    .argument('<program>', 'a WebAssembly module, or its text form (.wat)')
    .argument('[args...]', 'of the program, after --')
    .requiredOption('-o, --output <file.tpl>', 'write the template to this file')
    .option('--until <export>', 'the function that it is run to the end of (default: _initialize)');
  for (const option of OPTIONS.filter(({ name }) => GIVEN.includes(name))) {
    build.option(flagsOf(option), option.help.replace(/; none drops .*/, ''), (value: string) => {
      try {
        option.set(request, value);
      } catch (error) {
        throw new CommandError(`--${option.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }
  build.action(async (program: string, args: string[], { output, until, cache }: Record<string, string | boolean>) => {
    const { buildTemplate } = await import('./template-build.ts');
    const given = { ...request, cache: cache !== false };
    done(await buildTemplate(program, args, String(output), typeof until === 'string' ? until : undefined, given));
  });
}
