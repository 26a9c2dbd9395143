// The heap of this thread's isolate: in a worker its own, bounded by the worker's resource limits.
import type { Heap } from '../heap.ts';

const MB = 2 ** 20;
/** What V8's limit leaves for the young generation, which does not help where the old one is full. */
const YOUNG_BYTES = 96 * MB;
/** Of a heap so small that this says nothing, some part. */
const OLD_SHARE_MIN = 0.25;

class NodeHeap implements Heap {
  readonly #v8 = process.getBuiltinModule('node:v8');
  readonly #registry = new FinalizationRegistry<() => void>((gone) => gone());
  readonly bound: number;
  #gc: (() => void) | undefined;

  constructor() {
    const { resourceLimits } = process.getBuiltinModule('node:worker_threads');
    const limit = this.#v8.getHeapStatistics().heap_size_limit;
    const { maxYoungGenerationSizeMb } = resourceLimits ?? {};
    const young = maxYoungGenerationSizeMb === undefined ? YOUNG_BYTES : maxYoungGenerationSizeMb * MB;
    this.bound = Math.max(limit - young, limit * OLD_SHARE_MIN);
  }

  used(): number {
    return this.#v8.getHeapStatistics().used_heap_size;
  }

  watch(object: object, gone: () => void): void {
    this.#registry.register(object, gone);
  }

  settle(told: () => void): void {
    // Dead at once, and found dead by the next collection: with it come all that are dead now.
    this.#registry.register({}, told);
    this.#gc ??= this.#collector();
    this.#gc();
  }

  /** V8 gives its collector to contexts that are made while a flag is set. */
  #collector(): () => void {
    this.#v8.setFlagsFromString('--expose-gc');
    const gc = process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void;
    this.#v8.setFlagsFromString('--no-expose-gc');
    return gc;
  }
}

/** Loads nothing before the first program that allocates. */
export function nodeHeap(): Heap {
  let heap: NodeHeap | undefined;
  const real = () => {
    heap ??= new NodeHeap();
    return heap;
  };
  return {
    get bound() {
      return real().bound;
    },
    used: () => real().used(),
    watch: (object, gone) => real().watch(object, gone),
    settle: (told) => real().settle(told),
  };
}
