// What the reading walk finds in the bodies of a module, as numbers in the order of the code.

export interface Scan {
  /** Ascending offsets of the `loop` instructions, and a `LoopCheck` for each. */
  readonly loopAt: Uint32Array;
  readonly loopCheck: Uint32Array;
  /** Ascending offsets of the `br` instructions that are checked if their loop's check is `LoopCheck.jumps`, and number of that loop. */
  readonly jumpAt: Uint32Array;
  readonly jumpLoop: Uint32Array;
  /** Calls of functions of the module, in the order of the code: offset, own function or type index, flags. */
  readonly siteAt: Uint32Array;
  readonly siteTarget: Uint32Array;
  readonly siteFlags: Uint32Array;
  /** For each own function and one more: its first site. */
  readonly firstSite: Uint32Array;
  /** For each own function: offset of its first instruction, and bytes of its instructions. */
  readonly codeAt: Uint32Array;
  readonly codeSize: Uint32Array;
  /** The same, with all rounds of the loops that count to a constant. */
  readonly codeRun: Float64Array;
  /** Ascending offsets of bulk operations, those with a small constant length left out. */
  readonly bulkAt: Uint32Array;
  /** Ascending offsets of `global.set`. */
  readonly globalSetAt: Uint32Array;
  /** By function index: `ref.func` names it in a body. */
  readonly referenced: Uint8Array;
}
