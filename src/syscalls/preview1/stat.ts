// Layouts of what a file is: WASI `filestat`, `filetype`, `dirent`.
import type { FileStat, FileType } from '../../hal/disk.ts';
import type { GuestMemory } from '../memory.ts';

const FILETYPE: Readonly<Record<FileType, number>> = {
  unknown: 0,
  'block-device': 1,
  'character-device': 2,
  directory: 3,
  'regular-file': 4,
  'socket-dgram': 5,
  'socket-stream': 6,
  'symbolic-link': 7,
};

export const filetype = (type: FileType): number => FILETYPE[type];

/** 64 bytes: dev u64, ino u64, filetype u8 at 16, nlink u64 at 24, size u64, atim, mtim, ctim u64. */
export function writeStat(memory: GuestMemory, at: number, stat: FileStat): void {
  memory.setU64(at, stat.device);
  memory.setU64(at + 8, stat.inode);
  memory.setU64(at + 16, BigInt(FILETYPE[stat.type]));
  memory.setU64(at + 24, stat.links);
  memory.setU64(at + 32, stat.size);
  memory.setU64(at + 40, stat.accessed);
  memory.setU64(at + 48, stat.modified);
  memory.setU64(at + 56, stat.changed);
}
