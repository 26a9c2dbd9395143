// Capabilities of several processes, driven by random numbers: each step is done by the core and by the reference model, and
// then all that SECURITY.md promises is checked. A breach says which promise it breaks.
import { Capability } from '../../src/caps/capability.ts';
import { HANDLE_BASE } from '../../src/caps/handles.ts';
import type { CapObject } from '../../src/caps/object.ts';
import { Parcel } from '../../src/caps/parcel.ts';
import { CapTable, type Quota } from '../../src/caps/table.ts';
import { type At, type Message, Model, type Node, type Thing, TRANSFER } from './model.ts';
import { type Toy, ToyChannel, ToyFile } from './toys.ts';

export class Breach extends Error {
  readonly property: number;
  constructor(property: number, message: string) {
    super(`property ${property}: ${message}`);
    this.property = property;
  }
}

const PROCESSES = 3;
const DESCRIPTORS = 5;
const ALL_DESCRIPTORS = 12;
const ALL = 7 | TRANSFER;

/** One account for all processes: what is in use and what is free add up. */
class Pool implements Quota {
  used = 0;
  get room(): number {
    return ALL_DESCRIPTORS - this.used;
  }
  take(): void {
    this.used++;
  }
  give(): void {
    this.used--;
  }
}

interface Process {
  readonly id: number;
  readonly table: CapTable;
  /** What it may come to have: by grant, the rights that it, or who sent it something, was given. */
  readonly reach: Map<number, number>;
  /** Handles that it has had. */
  readonly used: Set<number>;
}

/** A call that was suspended. */
interface Suspended {
  readonly process: Process;
  readonly node: Node;
  readonly real: Capability<CapObject>;
  readonly left: number;
  woken: boolean;
}

/** Draws small numbers from one big one. */
class Draw {
  #state: number;
  constructor(seed: number) {
    // Numbers that differ little draw what differs much.
    this.#state = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) >>> 0;
  }
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }
  of<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
  rights(): number {
    return this.below(8) | (this.below(4) > 0 ? TRANSFER : 0);
  }
}

export class World {
  readonly #model = new Model();
  readonly #pool = new Pool();
  readonly #real = new Map<Node, Capability<CapObject>>();
  readonly #toys: Toy[] = [];
  readonly #roots: Node[] = [];
  readonly #processes: Process[] = [];
  readonly #parcels = new Map<Message, { parcel: Parcel; reach: Map<number, number> }>();
  readonly #suspended: Suspended[] = [];
  #ids = 0;

  constructor() {
    for (let i = 0; i < PROCESSES; i++) this.#processes.push(this.#process());
    for (let i = 0; i < 4; i++) this.#root(i % 2 === 0);
    for (const process of this.#processes) {
      this.#give(process, this.#roots[0]!, ALL, ALL);
      this.#give(process, this.#roots[1]!, ALL, ALL);
    }
  }

  /** Does what a random number says, and checks everything. */
  step(number: number): void {
    const draw = new Draw(number);
    const [, run] = STEPS[draw.below(STEPS.length)]!;
    run(this, draw);
    this.#check();
  }

  /** Ends all processes, takes all grants back, and looks at what is left: nothing may be. */
  finish(): void {
    for (let i = 0; i < PROCESSES; i++) this.exit(i);
    this.#check();
    for (const root of this.#roots) {
      if (!this.#model.nodes.has(root)) continue;
      this.#real.get(root)!.revoke();
      this.#model.revoke(root);
    }
    this.#check();
    for (const root of this.#roots) {
      if (!this.#model.nodes.has(root)) continue;
      this.#real.get(root)!.drop();
      this.#model.drop(root);
    }
    this.#check();
    if (this.#pool.used !== 0) throw new Breach(13, `${this.#pool.used} descriptors are in use after the last exit`);
    // Channels that are in each other's messages keep each other, where the grant was dropped by which they could be revoked.
    for (const { at } of this.#model.nodes)
      if (typeof at !== 'object' || !('message' in at)) throw new Breach(14, 'something outlives all');
  }

  /** Whether each suspended call was woken when, and only when, its capability left its place. To be asked when promises have settled. */
  checkWoken(): void {
    for (const { node, left, woken } of this.#suspended) {
      if (woken !== node.left > left) throw new Breach(4, `a suspended call ${woken ? 'woke for nothing' : 'sleeps on'}`);
    }
  }

  #process(): Process {
    return { id: this.#ids++, table: new CapTable(DESCRIPTORS, this.#pool), reach: new Map(), used: new Set() };
  }

  #root(descriptor: boolean): void {
    const origin = this.#roots.length;
    const thing = this.#model.thing(origin, descriptor);
    const node = this.#model.node(thing, ALL, ALL, undefined);
    this.#roots.push(node);
    this.#real.set(node, new Capability<CapObject>(this.#toy(thing), ALL, ALL));
  }

  #toy({ id, origin, descriptor }: Thing): Toy {
    const toy = descriptor ? new ToyFile(id, origin) : new ToyChannel(id, origin);
    this.#toys.push(toy);
    return toy;
  }

  /** A number of a process: mostly one that it has; else a foreign one, a closed one, or a guess. */
  #number(process: Process, draw: Draw): number {
    const own = this.#model.numbers(process.id);
    const other = this.#processes[draw.below(PROCESSES)]!;
    const guesses = [...own.map((one) => one + 2 ** 16), ...this.#model.numbers(other.id), ...process.used, ...other.used];
    if (own.length > 0 && draw.below(5) > 0) return draw.of(own)!;
    return draw.of(guesses) ?? draw.of([0, 9, 2 ** 16, HANDLE_BASE - 1, HANDLE_BASE, HANDLE_BASE + 5, 2 ** 31, 2 ** 32 - 1])!;
  }

  /** As the dispatcher, and calls that take a handle, find a capability. */
  #named({ table }: Process, number: number): Capability<CapObject> | undefined {
    return number < table.slots.length ? table.slots[number] : table.lookup(number);
  }

  /** A number, what the core has under it, and what the model has. */
  #pick(draw: Draw): { process: Process; number: number; real: Capability<CapObject>; node: Node } | undefined {
    const process = draw.of(this.#processes)!;
    const number = this.#number(process, draw);
    const real = this.#named(process, number);
    const node = this.#model.held(process.id, number);
    if (node === undefined && real !== undefined) throw new Breach(3, `${number} names something, although nothing is there`);
    if (node !== undefined && real === undefined) throw new Breach(3, `${number} names nothing`);
    return node === undefined || real === undefined ? undefined : { process, number, real, node };
  }

  /** Puts a new capability into a process, as path_open, fd_dup and cap_find do. */
  #insert(process: Process, real: Capability<CapObject>, node: Node): void {
    const descriptor = node.object.descriptor;
    const { table } = process;
    const lowest = this.#model.lowest(process.id);
    const room = !descriptor || Math.min(DESCRIPTORS - this.#descriptors(process), ALL_DESCRIPTORS - this.#inUse()) > 0;
    const number = descriptor ? table.insert(real as Capability) : table.insertHandle(real);
    this.#real.set(node, real);
    if ((number !== undefined) !== room) throw new Breach(13, `a table ${room ? 'with room is full' : 'that is full has room'}`);
    if (number === undefined) {
      real.drop();
      this.#model.drop(node);
      return;
    }
    this.#placed(process, node, number, lowest);
  }

  #placed(process: Process, node: Node, number: number, lowest: number): void {
    if (node.object.descriptor && number !== lowest) throw new Breach(3, `descriptor ${number} instead of ${lowest}`);
    if (!node.object.descriptor && (number < HANDLE_BASE || process.used.has(number)))
      throw new Breach(3, `handle ${number} again`);
    if (!node.object.descriptor) process.used.add(number);
    node.at = { process: process.id, number };
  }

  #descriptors(process: Process): number {
    return this.#model.all(process.id).filter(({ object }) => object.descriptor).length;
  }
  #inUse(): number {
    return this.#processes.reduce((sum, process) => sum + this.#descriptors(process), 0);
  }

  grant(draw: Draw): void {
    const process = draw.of(this.#processes)!;
    const root = draw.of(this.#roots)!;
    if (!this.#model.nodes.has(root)) return;
    this.#give(process, root, draw.rights(), draw.rights());
  }

  #give(process: Process, root: Node, rights: number, inheriting: number): void {
    const { object } = root;
    const node = this.#model.node(object, rights, inheriting, root);
    const real = this.#real.get(root)!.derive(rights, inheriting);
    process.reach.set(object.origin, (process.reach.get(object.origin) ?? 0) | rights | inheriting);
    this.#insert(process, real, node);
  }

  derive(draw: Draw, same: boolean): void {
    const found = this.#pick(draw);
    if (found === undefined) return;
    const { process, real, node } = found;
    const rights = same ? node.rights : draw.rights();
    const inheriting = same ? node.inheriting : draw.rights();
    const child = this.#model.node(node.object, node.rights & rights, node.inheriting & inheriting, node);
    this.#insert(process, real.derive(rights, inheriting), child);
  }

  open(draw: Draw): void {
    const found = this.#pick(draw);
    if (found === undefined) return;
    const { process, real, node } = found;
    const [rights, inheriting] = [draw.rights(), draw.rights()];
    const thing = this.#model.thing(node.object.origin, draw.below(4) > 0);
    const child = this.#model.node(thing, node.inheriting & rights, node.inheriting & inheriting, node);
    this.#insert(process, real.open<CapObject>(this.#toy(thing), rights, inheriting), child);
  }

  narrow(draw: Draw): void {
    const found = this.#pick(draw);
    if (found === undefined) return;
    const { real, node } = found;
    const rights = draw.below(2) === 0 ? node.rights & draw.rights() : draw.rights();
    const inheriting = node.inheriting & draw.rights();
    const within = (rights & ~node.rights) === 0;
    if (real.narrow(rights, inheriting) !== within)
      throw new Breach(1, 'a capability was narrowed to more than it has, or not to less');
    if (within) Object.assign(node, { rights, inheriting });
  }

  close(draw: Draw): void {
    const process = draw.of(this.#processes)!;
    const number = this.#number(process, draw);
    const node = this.#model.held(process.id, number);
    const closed = number < HANDLE_BASE ? process.table.close(number) : process.table.closeHandle(number);
    if (closed !== (node !== undefined)) throw new Breach(3, `${number} was ${closed ? '' : 'not '}closed`);
    if (node !== undefined) this.#model.drop(node);
  }

  renumber(draw: Draw): void {
    const process = draw.of(this.#processes)!;
    const [from, to] = [this.#number(process, draw), this.#number(process, draw)];
    const moved = from < HANDLE_BASE ? this.#model.held(process.id, from) : undefined;
    const replaced = to < HANDLE_BASE ? this.#model.held(process.id, to) : undefined;
    const possible = moved !== undefined && replaced !== undefined;
    if (process.table.renumber(from, to) !== possible) throw new Breach(3, `${from} was renumbered to ${to}, or not`);
    if (!possible || from === to) return;
    this.#model.drop(replaced);
    moved.at = { process: process.id, number: to };
  }

  revoke(draw: Draw): void {
    const root = this.#roots[draw.below(this.#roots.length * 3)];
    const node = root !== undefined && this.#model.nodes.has(root) ? root : this.#pick(draw)?.node;
    if (node === undefined) return;
    const real = this.#real.get(node)!;
    const dead = this.#model.descendants(node);
    ends(() => real.revoke());
    this.#model.revoke(node);
    if (!real.live) throw new Breach(4, 'the capability that was revoked from died');
    for (const one of dead) if (this.#real.get(one)?.live) throw new Breach(4, 'what was derived lives on after it was revoked');
    this.#check();
    ends(() => real.revoke());
    try {
      this.#check();
    } catch (error) {
      throw new Breach(5, `revoking again changed something: ${(error as Error).message}`);
    }
  }

  dropRoot(draw: Draw): void {
    const root = draw.of(this.#roots)!;
    if (draw.below(4) > 0 || !this.#model.nodes.has(root)) return;
    this.#real.get(root)!.drop();
    this.#model.drop(root);
  }

  /** Sends up to three capabilities into a channel that the process has, through which it may go itself. */
  send(draw: Draw): void {
    const process = draw.of(this.#processes)!;
    const channels = this.#model.all(process.id).filter(({ object }) => !object.descriptor);
    const through = draw.of(channels);
    if (through === undefined) return;
    const others = this.#model
      .all(process.id)
      .filter(({ object, rights }) => object !== through.object && (rights & TRANSFER) !== 0);
    const numbers = Array.from({ length: draw.below(4) }, () => {
      const [chosen] = others.splice(draw.below(others.length), 1);
      if (draw.below(8) === 0) return this.#number(process, draw);
      return (chosen?.at as { number: number } | undefined)?.number;
    }).filter((number) => number !== undefined);
    const nodes = numbers.map((number) => this.#model.held(process.id, number));
    const how = draw.below(2) === 0 ? 'move' : 'copy';
    const channel = this.#real.get(through)!.object as ToyChannel;
    const packed = Parcel.pack(process.table, numbers, how, channel);
    const refused = typeof packed === 'string' ? packed : undefined;
    if (refused === undefined && nodes.includes(undefined)) throw new Breach(6, 'a message with one that is not there was sent');
    const held = nodes.filter((node) => node !== undefined);
    if (refused === undefined && held.some(({ rights }) => (rights & TRANSFER) === 0))
      throw new Breach(8, 'sent without the right');
    const twice = new Set(held).size < held.length;
    const itself = held.some(({ object }) => object === through.object);
    if (refused === undefined && (twice || itself)) throw new Breach(6, 'a duplicate, or the channel itself, was sent');
    const fine = held.length === nodes.length && held.every(({ rights }) => (rights & TRANSFER) !== 0) && !twice && !itself;
    if (typeof packed === 'string') {
      if (fine) throw new Breach(6, `what may be sent was refused with ${packed}`);
      return;
    }
    if (how === 'move' && held.some((node) => this.#real.get(node)!.holder !== packed))
      throw new Breach(6, 'what was moved is still there');
    channel.queue.push(packed);
    const message: Message = { nodes: [] };
    for (const node of held) {
      const sent = how === 'move' ? node : this.#model.node(node.object, node.rights, node.inheriting, node);
      if (how === 'move') node.left++;
      sent.at = { message };
      message.nodes.push(sent);
    }
    through.object.messages.push(message);
    // A copy is seen once it is received.
    const reach = new Map<number, number>();
    for (const { object, rights, inheriting } of held)
      reach.set(object.origin, (reach.get(object.origin) ?? 0) | rights | inheriting);
    this.#parcels.set(message, { parcel: packed, reach });
  }

  receive(draw: Draw): void {
    const first = draw.below(PROCESSES);
    const order = [...this.#processes.slice(first), ...this.#processes.slice(0, first)];
    const full = order.map(
      (process) => [process, this.#model.all(process.id).find(({ object }) => object.messages.length > 0)] as const,
    );
    const [process, through] = full.find(([, channel]) => channel !== undefined) ?? [];
    if (process === undefined || through === undefined) return;
    const message = through.object.messages[0]!;
    const { parcel, reach } = this.#parcels.get(message)!;
    const before = message.nodes.map((node) => node && ([node.rights, node.inheriting] as const));
    const wanted = message.nodes.filter((node) => node?.object.descriptor).length;
    const fits = wanted <= Math.min(DESCRIPTORS - this.#descriptors(process), ALL_DESCRIPTORS - this.#inUse());
    const numbers = parcel.unpack(process.table);
    if ((numbers !== undefined) !== fits) throw new Breach(6, `a message was received ${fits ? 'not at all' : 'without room'}`);
    if (numbers === undefined) return;
    (this.#real.get(through)!.object as ToyChannel).queue.shift();
    through.object.messages.shift();
    for (const [origin, rights] of reach) process.reach.set(origin, (process.reach.get(origin) ?? 0) | rights);
    for (const [i, node] of message.nodes.entries()) {
      if ((numbers[i] === undefined) !== (node === undefined))
        throw new Breach(4, 'what was revoked on its way arrived, or another did not');
      if (node === undefined) continue;
      const real = this.#named(process, numbers[i]!);
      if (real === undefined || (this.#real.get(node) ?? real) !== real)
        throw new Breach(6, 'another capability arrived than was sent');
      this.#real.set(node, real);
      const [rights, inheriting] = before[i]!;
      if (real.rights !== rights || real.inheriting !== inheriting) throw new Breach(2, 'rights changed on the way');
      node.left++;
      this.#placed(process, node, numbers[i]!, this.#model.lowest(process.id));
    }
  }

  /** A message is thrown away before anybody received it. */
  discard(draw: Draw): void {
    const through = draw.of(this.#model.things.filter(({ messages }) => messages.length > 0));
    if (through === undefined) return;
    const message = through.messages[0]!;
    const contents = message.nodes.filter((node) => node !== undefined);
    (this.#toys[through.id] as ToyChannel).queue.shift()!.destroy();
    this.#model.destroy(message);
    for (const node of contents) if (this.#real.get(node)?.live) throw new Breach(7, 'what was in a message outlives it');
  }

  use(draw: Draw): void {
    const found = this.#pick(draw);
    if (found === undefined) return;
    if ((found.real.object as Toy).id !== found.node.object.id)
      throw new Breach(11, 'a call worked on another object than the one named');
  }

  suspend(draw: Draw): void {
    const found = this.#pick(draw);
    if (found === undefined) return;
    const { process, real, node } = found;
    const call: Suspended = { process, node, real, left: node.left, woken: false };
    this.#suspended.push(call);
    real.gone().then(() => {
      call.woken = true;
    });
  }

  /** A suspended call looks whether it may go on. */
  resume(draw: Draw): void {
    const call = draw.of(this.#suspended);
    if (call === undefined) return;
    const { process, node, real } = call;
    const here = this.#model.nodes.has(node) && isIn(node.at, process.id);
    if (process.table.holds(real) !== here) throw new Breach(here ? 3 : 4, `a suspended call ${here ? 'ends' : 'goes on'}`);
  }

  exit(index: number): void {
    const process = this.#processes[index]!;
    process.table.closeAll();
    this.#model.exit(process.id);
    if (process.table.size !== 0) throw new Breach(13, 'a process that ended has descriptors');
    this.#processes[index] = this.#process();
  }

  #check(): void {
    if (this.#pool.used !== this.#inUse())
      throw new Breach(13, `${this.#pool.used} descriptors are in use, not ${this.#inUse()}`);
    for (const process of this.#processes) this.#checkTable(process);
    for (const thing of this.#model.things) {
      const { destroyed } = this.#toys[thing.id]!;
      if (destroyed !== (thing.destroyed ? 1 : 0))
        throw new Breach(
          14,
          `object ${thing.id} was destroyed ${destroyed} times; it is ${thing.destroyed ? 'not ' : ''}referred to`,
        );
    }
    for (const [node, real] of this.#real) this.#checkNode(node, real);
  }

  #checkNode(node: Node, real: Capability<CapObject>): void {
    if (!this.#model.nodes.has(node)) {
      const inTransit = typeof node.at === 'object' && 'message' in node.at;
      if (real.live || real.holder !== undefined) throw new Breach(inTransit ? 7 : 4, 'a dead capability lives, or is somewhere');
      this.#real.delete(node);
      return;
    }
    if (!real.live) throw new Breach(4, 'a capability died that nobody dropped or revoked');
    if (real.rights !== node.rights || real.inheriting !== node.inheriting)
      throw new Breach(1, 'a capability has other rights than it can have');
    const { at } = node;
    const holder =
      at === 'kernel' ? undefined : 'message' in at ? this.#parcels.get(at.message)?.parcel : this.#tableOf(at.process);
    if (real.holder !== holder) throw new Breach(6, 'a capability is not in the one place where it should be');
  }

  #tableOf(id: number): CapTable | undefined {
    return this.#processes.find((process) => process.id === id)?.table;
  }

  #checkTable(process: Process): void {
    const { table, reach } = process;
    const held = this.#model.all(process.id);
    const numbers = [...table.slots.entries(), ...[...table.handles].map((one) => [one.place, one] as const)];
    let count = 0;
    for (const [number, real] of numbers) {
      if (real === undefined) continue;
      count++;
      const { origin } = real.object as Toy;
      const authority = reach.get(origin);
      if (authority === undefined || ((real.rights | real.inheriting) & ~authority) !== 0)
        throw new Breach(10, `a process has what nobody could have given it: grant ${origin}, rights ${real.rights}`);
      const node = this.#model.held(process.id, number);
      if (node === undefined) throw new Breach(9, `a process has at ${number} what it was not given`);
      if (this.#real.get(node) !== real) throw new Breach(3, `${number} names another capability`);
    }
    if (count !== held.length) throw new Breach(6, `a process has ${count} capabilities, not ${held.length}`);
    if (table.size !== held.filter(({ object }) => object.descriptor).length)
      throw new Breach(13, 'a table is wrong about its size');
  }
}

/** Revoking: what goes on without an end uses up the stack. */
function ends(revoke: () => void): void {
  try {
    revoke();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Breach(5, 'revoking does not end');
  }
}

const isIn = (at: At, process: number): boolean => typeof at === 'object' && 'process' in at && at.process === process;

const STEPS: readonly (readonly [name: string, run: (world: World, draw: Draw) => void])[] = [
  ['grant', (world, draw) => world.grant(draw)],
  ['grant', (world, draw) => world.grant(draw)],
  ['grant', (world, draw) => world.grant(draw)],
  ['derive', (world, draw) => world.derive(draw, false)],
  ['duplicate', (world, draw) => world.derive(draw, true)],
  ['open', (world, draw) => world.open(draw)],
  ['open', (world, draw) => world.open(draw)],
  ['narrow', (world, draw) => world.narrow(draw)],
  ['close', (world, draw) => world.close(draw)],
  ['renumber', (world, draw) => world.renumber(draw)],
  ['revoke', (world, draw) => world.revoke(draw)],
  ['drop a grant', (world, draw) => world.dropRoot(draw)],
  ['send', (world, draw) => world.send(draw)],
  ['send', (world, draw) => world.send(draw)],
  ['receive', (world, draw) => world.receive(draw)],
  ['receive', (world, draw) => world.receive(draw)],
  ['discard', (world, draw) => (draw.below(3) === 0 ? world.discard(draw) : undefined)],
  ['use', (world, draw) => world.use(draw)],
  ['suspend', (world, draw) => world.suspend(draw)],
  ['resume', (world, draw) => world.resume(draw)],
  ['exit', (world, draw) => (draw.below(3) === 0 ? world.exit(draw.below(PROCESSES)) : undefined)],
];

/** Runs a sequence, each step given by a number, and ends it. Throws a Breach. */
export function run(steps: readonly number[]): World {
  const world = new World();
  for (const step of steps) world.step(step);
  world.finish();
  return world;
}
