// What memory drivers have in common that copy images, on hosts that neither protect nor share memory.
import { sealed } from './image.ts';
import type { Image, Mmu, Protection } from './mmu.ts';

const WASM_PAGE = 65_536;

export abstract class CopyingMmu implements Pick<Mmu, 'driver' | 'pageBytes' | 'reset' | 'protect' | 'map' | 'unmap' | 'intact'> {
  readonly driver = 'portable';
  readonly pageBytes = WASM_PAGE;
  protected readonly grown = new WeakSet<WebAssembly.Memory>();

  reset(memory: WebAssembly.Memory, image: Image | undefined, keep: readonly Protection[] = []): boolean {
    if (this.grown.has(memory) || memory.buffer instanceof SharedArrayBuffer || keep.length > 0) return false;
    const bytes = new Uint8Array(memory.buffer);
    if (image === undefined) bytes.fill(0);
    else sealed(image).restore(bytes);
    return true;
  }

  protect(): boolean {
    return false;
  }

  region(): undefined {
    return undefined;
  }

  open(): undefined {
    return undefined;
  }

  map(): boolean {
    return false;
  }

  unmap(): boolean {
    return false;
  }

  intact(): boolean {
    return true;
  }
}
