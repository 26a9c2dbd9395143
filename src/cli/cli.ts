// What the launcher starts: the command line, then the end, whatever handles are still open.
import { complain, STATUS } from './error.ts';
import { main } from './main.ts';

process.on('uncaughtException', (error) => {
  complain(`internal error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(STATUS.failed);
});
// Not before all scripts of the bundle have said what they export: some need what others have of it.
Promise.resolve(process.argv.slice(2))
  .then(main)
  .then((status) => process.exit(status));
