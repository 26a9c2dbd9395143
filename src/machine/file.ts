// Files of this host that are read whole: regular ones alone. A pipe that nobody writes to is never waited for.
import fs from 'node:fs';

const { O_RDONLY, O_NOCTTY, O_NONBLOCK } = fs.constants;

/** Undefined where it is neither a file nor a directory; throws as node:fs does. */
export function readWhole(path: string): Buffer | undefined {
  const fd = fs.openSync(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  try {
    const stat = fs.fstatSync(fd);
    return stat.isFile() || stat.isDirectory() ? fs.readFileSync(fd) : undefined;
  } finally {
    fs.closeSync(fd);
  }
}
