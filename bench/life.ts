// The whole life of a process in a running host: made from a module compiled before, run, gone.
import { closeSync, openSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { Machine } from '../src/index.ts';
import { guest } from './guests.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

const LIVES = 50;
const NS_PER_US = 1000;

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0 });
  const nothing = openSync('/dev/null', 'r+');
  const microseconds = async (life: () => unknown) =>
    (await nanoseconds(LIVES, async () => {
      for (let i = 0; i < LIVES; i++) await life();
    })) / NS_PER_US;
  const subject = async (name: string): Promise<Subject> => {
    const bytes = guest(name);
    const program = await machine.compile(bytes, name);
    const module = new WebAssembly.Module(bytes);
    const superos = async () => {
      const child = await machine.process(program).stdio('null').spawn();
      const status = await child.wait();
      if (status.code !== 0) throw new Error(`${name}: ${JSON.stringify(status)}`);
    };
    const wasi = () => {
      const host = new WASI({ version: 'preview1', stdin: nothing, stdout: nothing, stderr: nothing });
      host.start(new WebAssembly.Instance(module, host.getImportObject() as WebAssembly.Imports));
    };
    return {
      name: `life: ${name}.wasm`,
      unit: 'us',
      rounds: 21,
      contenders: [
        { name: 'superos', round: () => microseconds(superos) },
        { name: 'node:wasi', round: () => microseconds(wasi) },
        { name: 'native', round: () => scratch.spawnRound(LIVES) },
      ],
    };
  };
  const close = async () => {
    closeSync(nothing);
    await machine[Symbol.asyncDispose]();
  };
  return [await subject('nop'), { ...(await subject('hello')), close }];
}
