// Every handler, by the name of its call. A call without one does not compile.
import type { Handlers } from './dispatch.ts';
import * as child from './posix/child.ts';
import * as posix from './posix/posix.ts';
import * as args from './preview1/args.ts';
import * as clock from './preview1/clock.ts';
import * as descriptor from './preview1/descriptor.ts';
import * as file from './preview1/file.ts';
import * as path from './preview1/path.ts';
import * as poll from './preview1/poll.ts';
import * as process from './preview1/process.ts';
import * as socket from './preview1/socket.ts';
import * as superosCapability from './superos/capability.ts';
import * as superosMemory from './superos/memory.ts';
import * as superosNet from './superos/net.ts';

export const HANDLERS: Handlers = {
  ...args,
  ...clock,
  ...descriptor,
  ...file,
  ...path,
  ...poll,
  ...process,
  ...socket,
  ...posix,
  ...child,
  ...superosCapability,
  ...superosMemory,
  ...superosNet,
};
