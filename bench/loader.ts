// The loader: how fast modules are judged and rewritten, in megabytes of original bytes a second.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { load } from '../src/runtime/loader.ts';
import { nanoseconds, type Subject } from './subject.ts';

const packages = join(import.meta.dirname, '..', 'node_modules');
export const RUBY = join(packages, '@ruby', '4.0-wasm-wasi', 'dist', 'ruby.wasm');
export const RUBY_STDLIB = join(packages, '@ruby', '4.0-wasm-wasi', 'dist', 'ruby+stdlib.wasm');
const USERLAND = join(packages, '@rivet-dev', 'agent-os-coreutils', 'wasm');
/** Bytes a nanosecond, in MB a second. */
const MB_PER_S = 1000;

export async function subjects(): Promise<Subject[]> {
  const tools = readdirSync(USERLAND).map((name) => readFileSync(join(USERLAND, name)));
  return [subject(basename(RUBY), [readFileSync(RUBY)], 7), subject('coreutils', tools.slice(0, 20), 11)];
}

function subject(name: string, modules: readonly Uint8Array<ArrayBuffer>[], rounds: number): Subject {
  const total = modules.reduce((sum, { length }) => sum + length, 0);
  const speed = (action: (bytes: Uint8Array<ArrayBuffer>) => unknown) => async () =>
    MB_PER_S / (await nanoseconds(total, () => modules.forEach((bytes) => void action(bytes))));
  return {
    name: `loader: ${name}, ${(total / 1e6).toFixed(1)} MB`,
    unit: 'MB/s',
    rounds,
    contenders: [
      { name: 'superos', round: speed(load) },
      { name: 'V8 validates', round: speed(WebAssembly.validate) },
    ],
    target: { least: 50 },
  };
}
