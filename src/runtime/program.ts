// A program: a module that the loader rewrote and V8 compiled, ready to be instantiated any number of times.
import type { Layout } from './layout.ts';
import { load } from './loader.ts';

export class Program {
  readonly name: string;
  readonly module: WebAssembly.Module;
  readonly layout: Layout;

  constructor(name: string, module: WebAssembly.Module, layout: Layout) {
    this.name = name;
    this.module = module;
    this.layout = layout;
  }
}

/** Throws LoadError. */
export function compileProgram(name: string, source: Uint8Array): Program {
  const { bytes, layout } = load(source);
  return new Program(name, new WebAssembly.Module(bytes as BufferSource), layout);
}
