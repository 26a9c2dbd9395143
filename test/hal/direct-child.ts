// A thread that makes a system call of its own, and then is not heard of again.
import fs from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { direct } from '../../src/hal/node/direct.ts';
import { loadFfi } from '../../src/hal/node/ffi.ts';

const calls = direct();
if (typeof calls === 'string') throw new Error(calls);
const bytes = new Uint8Array(new ArrayBuffer(1));
const fd = fs.openSync('/dev/null', 'w');
parentPort!.postMessage(calls.syscall(calls.write, fd, Number(loadFfi()!.getRawPointer(bytes)), 1));
parentPort!.once('message', () => fs.closeSync(fd));
