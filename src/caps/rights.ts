// Rights: what a capability allows its holder. A set is an integer of 31 bits, so that a check is one AND.
// The first thirty are those of WASI preview 1, at its bit numbers: a guest sees them as they are.

export const RIGHT = {
  dataSync: 1 << 0,
  read: 1 << 1,
  seek: 1 << 2,
  setFlags: 1 << 3,
  sync: 1 << 4,
  tell: 1 << 5,
  write: 1 << 6,
  advise: 1 << 7,
  allocate: 1 << 8,
  pathCreateDirectory: 1 << 9,
  pathCreateFile: 1 << 10,
  pathLinkSource: 1 << 11,
  pathLinkTarget: 1 << 12,
  pathOpen: 1 << 13,
  readDirectory: 1 << 14,
  pathReadlink: 1 << 15,
  pathRenameSource: 1 << 16,
  pathRenameTarget: 1 << 17,
  pathStat: 1 << 18,
  pathSetSize: 1 << 19,
  pathSetTimes: 1 << 20,
  stat: 1 << 21,
  setSize: 1 << 22,
  setTimes: 1 << 23,
  pathSymlink: 1 << 24,
  pathRemoveDirectory: 1 << 25,
  pathUnlink: 1 << 26,
  poll: 1 << 27,
  shutdown: 1 << 28,
  accept: 1 << 29,
  /** May be handed to another process. */
  transfer: 1 << 30,
} as const;

/** Those that a guest can see and name: the bits of WASI's `rights`. */
export const WASI_RIGHTS = 2 ** 30 - 1;

const READING = RIGHT.read | RIGHT.seek | RIGHT.setFlags | RIGHT.tell | RIGHT.advise | RIGHT.stat | RIGHT.poll;
const WRITING = RIGHT.dataSync | RIGHT.sync | RIGHT.write | RIGHT.allocate | RIGHT.setSize | RIGHT.setTimes;
const WALKING = RIGHT.pathOpen | RIGHT.readDirectory | RIGHT.pathReadlink | RIGHT.pathStat | RIGHT.stat | RIGHT.setFlags;
const CHANGING =
  RIGHT.sync |
  RIGHT.dataSync |
  RIGHT.setTimes |
  RIGHT.pathCreateDirectory |
  RIGHT.pathCreateFile |
  RIGHT.pathLinkSource |
  RIGHT.pathLinkTarget |
  RIGHT.pathRenameSource |
  RIGHT.pathRenameTarget |
  RIGHT.pathSetSize |
  RIGHT.pathSetTimes |
  RIGHT.pathSymlink |
  RIGHT.pathRemoveDirectory |
  RIGHT.pathUnlink;

/** Whether what a capability names may be read. */
export const readable = ({ rights }: { readonly rights: number }): boolean => (rights & RIGHT.read) !== 0;

/** What applies to a file, to a directory and to a stream, at most. */
export const FILE_RIGHTS = READING | WRITING;
export const DIRECTORY_RIGHTS = WALKING | CHANGING;
const STREAM_RIGHTS = RIGHT.read | RIGHT.write | RIGHT.setFlags | RIGHT.stat | RIGHT.poll | RIGHT.sync | RIGHT.dataSync;

/**
 * What applies to a stream or device. libc takes a character device without the rights to seek and tell for a terminal;
 * anything else has them, and answers with SPIPE as programs expect.
 */
export const streamRights = (terminal: boolean): number => (terminal ? STREAM_RIGHTS : STREAM_RIGHTS | RIGHT.seek | RIGHT.tell);

/** The rights with which nothing can be changed. Linking from a directory counts as a change: the new name could be written. */
export const READ_ONLY = READING | WALKING;
/** The rights by which the bytes of files, and what a directory holds, are read. */
export const READ_ACCESS = RIGHT.read | RIGHT.readDirectory;
/** What is asked for by opening for writing. */
export const WRITE_ACCESS = RIGHT.write | RIGHT.allocate | RIGHT.setSize;
