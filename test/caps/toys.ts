// Kinds of objects made up for tests. Each is one class that the core has never heard of.
import { CapObject, Description } from '../../src/caps/object.ts';
import type { Parcel } from '../../src/caps/parcel.ts';

/** Something that descriptors name. */
export class ToyFile extends Description {
  readonly kind = 'toy-file';
  readonly id: number;
  readonly origin: number;
  destroyed = 0;

  constructor(id: number, origin: number) {
    super('unknown');
    this.id = id;
    this.origin = origin;
  }
  protected override destroy(): void {
    this.destroyed++;
  }
}

/** Something that handles name: messages wait in it. */
export class ToyChannel extends CapObject {
  readonly kind = 'toy-channel';
  readonly id: number;
  readonly origin: number;
  readonly queue: Parcel[] = [];
  destroyed = 0;

  constructor(id: number, origin: number) {
    super();
    this.id = id;
    this.origin = origin;
  }
  protected override destroy(): void {
    this.destroyed++;
    for (const parcel of this.queue.splice(0)) parcel.destroy();
  }
}

export type Toy = ToyFile | ToyChannel;
