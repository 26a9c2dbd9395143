// fd_write.
import type { Scratch } from './scratch.ts';
import type { Subject } from './subject.ts';
import { transfers } from './transfer.ts';

export const subjects = (scratch: Scratch): Promise<Subject[]> => transfers(scratch, 'write');
