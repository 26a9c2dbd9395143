// A reference model of capabilities, for tests: what each operation must come to, told with sets and lists and without a
// thought to cost. It knows nothing of how the core does it.

/** Where a capability is: with the kernel alone, under a number of a process, or in a message on its way. */
export type At = 'kernel' | { readonly process: number; number: number } | { readonly message: Message };

export interface Node {
  readonly object: Thing;
  rights: number;
  inheriting: number;
  parent: Node | undefined;
  at: At;
  /** How often it left a place: suspended calls are woken by that. */
  left: number;
}

/** A message in a channel. */
export interface Message {
  readonly nodes: (Node | undefined)[];
}

/** An object. Messages: what is in transit, if it is a channel. Origin: the grant that it was reached by. */
export interface Thing {
  readonly id: number;
  readonly origin: number;
  readonly descriptor: boolean;
  readonly messages: Message[];
  destroyed: boolean;
}

export const TRANSFER = 2 ** 30;

export class Model {
  /** All that live. */
  readonly nodes = new Set<Node>();
  readonly things: Thing[] = [];

  thing(origin: number, descriptor: boolean): Thing {
    const made = { id: this.things.length, origin, descriptor, messages: [], destroyed: false };
    this.things.push(made);
    return made;
  }

  node(object: Thing, rights: number, inheriting: number, parent: Node | undefined): Node {
    const made: Node = { object, rights, inheriting, parent, at: 'kernel', left: 0 };
    this.nodes.add(made);
    return made;
  }

  /** What this number names in a process. */
  held(process: number, number: number): Node | undefined {
    return [...this.nodes].find(
      ({ at }) => typeof at === 'object' && 'process' in at && at.process === process && at.number === number,
    );
  }

  all(process: number): Node[] {
    return [...this.nodes].filter(({ at }) => typeof at === 'object' && 'process' in at && at.process === process);
  }

  numbers(process: number): number[] {
    return this.all(process).map(({ at }) => (at as { number: number }).number);
  }

  lowest(process: number): number {
    const used = new Set(this.numbers(process));
    for (let number = 0; ; number++) if (!used.has(number)) return number;
  }

  descendants(of: Node): Node[] {
    const beneath = (node: Node): boolean => node.parent !== undefined && (node.parent === of || beneath(node.parent));
    return [...this.nodes].filter(beneath);
  }

  revoke(node: Node): void {
    const dead = this.descendants(node);
    for (const one of dead) this.#remove(one);
    this.#collect();
  }

  drop(node: Node): void {
    this.#unhook(node);
    this.#collect();
  }

  exit(process: number): void {
    for (const node of this.all(process)) this.#unhook(node);
    this.#collect();
  }

  destroy(message: Message): void {
    for (const node of message.nodes) if (node !== undefined) this.#unhook(node);
    for (const { messages } of this.things) if (messages.includes(message)) messages.splice(messages.indexOf(message), 1);
    this.#collect();
  }

  #unhook(node: Node): void {
    for (const other of this.nodes) if (other.parent === node) other.parent = node.parent;
    this.#remove(node);
  }

  #remove(node: Node): void {
    this.nodes.delete(node);
    node.left++;
    if (typeof node.at === 'object' && 'message' in node.at) {
      const { nodes } = node.at.message;
      nodes[nodes.indexOf(node)] = undefined;
    }
  }

  /** What nobody refers to is destroyed, and with a channel what was in transit through it. */
  #collect(): void {
    for (const thing of this.things) {
      if (thing.destroyed || [...this.nodes].some(({ object }) => object === thing)) continue;
      thing.destroyed = true;
      for (const message of [...thing.messages]) this.destroy(message);
    }
  }
}
