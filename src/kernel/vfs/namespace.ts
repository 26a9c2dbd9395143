// The names of a process: the directories it was given, each under the name it was given by.
import type { Capability } from '../../caps/capability.ts';
import type { CapTable } from '../../caps/table.ts';
import type { Directory } from '../../hal/disk.ts';

/** The preopened directory whose name is the longest one that begins `path`, and the rest of the path, relative to it. */
export function resolve(
  table: CapTable,
  path: string,
): { capability: Capability; directory: Directory; rest: string } | undefined {
  const wanted = components(path);
  let best: { capability: Capability; directory: Directory; rest: string } | undefined;
  let length = -1;
  for (const capability of table.slots) {
    const directory = capability?.object.directory;
    if (capability?.preopen === undefined || directory === undefined) continue;
    const name = components(capability.preopen);
    const begins = name.every((component, i) => component === wanted[i]);
    // A process starts in `/`, or in the directory that it knows as `.`: a relative path means the latter where there is one.
    const current = capability.preopen === '.' && !path.startsWith('/');
    const rank = current && name.length === 0 ? 0.5 : name.length;
    if (!begins || rank <= length) continue;
    length = rank;
    best = { capability, directory, rest: wanted.slice(name.length).join('/') || '.' };
  }
  return best;
}

const components = (path: string): string[] => path.split('/').filter((component) => component !== '' && component !== '.');
