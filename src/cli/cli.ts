// What the launcher starts: the compile cache first, then the command line, then the end, whatever handles are still open.
import { complain, STATUS } from './error.ts';
import { main } from './main.ts';

process.on('uncaughtException', (error) => {
  complain(`internal error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(STATUS.failed);
});
process.exit(await main(process.argv.slice(2)));
