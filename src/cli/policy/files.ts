// The options that `superos policy learn` has besides those of `run`: for reading them, and for help.
import type { Option } from '../options.ts';

export interface LearnFiles {
  output?: string;
  merge?: string;
}

export const learnOptions = (files: LearnFiles): Option[] => [
  {
    name: 'output',
    short: 'o',
    value: 'FILE',
    help: 'write the policy to this new file (default: standard output; what the program writes there goes to standard error)',
    set: (_, value) => {
      files.output = value;
    },
  },
  {
    name: 'merge',
    value: 'FILE',
    help: 'add to this policy what it lacks, and leave the rest as it is; into the same file without -o',
    set: (_, value) => {
      files.merge = value;
    },
  },
];
