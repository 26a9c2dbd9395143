// The reading walk over all bodies: which loops need a check, and which calls lie on paths without one. It changes nothing,
// uses no recursion, and takes time and memory in proportion to the code.

import {
  malformed,
  readIndex,
  readSigned,
  skipImmediates,
  skipInteger,
  skipLocals,
  U32_MOST,
  unsupported,
} from '../immediates.ts';
import type { Module } from '../module.ts';
import { BlockType, IMMEDIATES, Immediate, Op, prefixed } from '../opcodes.ts';
import { ACTIONS, Do } from './actions.ts';
import { readDispatch } from './dispatch.ts';
import { Numbers } from './numbers.ts';
import { BLOCK, IF, Paths, Site, UNREACHABLE } from './paths.ts';
import type { Scan } from './scan.ts';

/** A bulk operation of a constant length up to this, in bytes or elements, is short enough to be left as it is. */
const BARE_MAX = 1024;

class Scanner {
  readonly #module: Module;
  readonly #source: Uint8Array;
  readonly #paths: Paths;
  readonly #bulkAt = new Numbers();
  readonly #globalSetAt = new Numbers();
  readonly #referenced: Uint8Array;
  constructor(module: Module) {
    this.#module = module;
    this.#source = module.source;
    this.#paths = new Paths(module.source);
    this.#referenced = new Uint8Array(module.functions.length);
  }

  run(): Scan {
    const { code } = this.#module;
    const firstSite = new Uint32Array(code.count + 1);
    const codeAt = new Uint32Array(code.count);
    const codeSize = new Uint32Array(code.count);
    const codeRun = new Float64Array(code.count);
    const source = this.#source;
    const paths = this.#paths;
    let p = code.start;
    for (let i = 0; i < code.count; i++) {
      const size = readIndex(source, p);
      const start = skipInteger(source, p, U32_MOST);
      const end = start + size;
      if (end > code.end) malformed('function body exceeds the section', p);
      const at = skipLocals(source, start, end);
      codeAt[i] = at;
      codeSize[i] = end - at;
      firstSite[i] = paths.siteAt.length;
      const counted = paths.counted;
      this.#body(at, end);
      codeRun[i] = end - at + paths.counted - counted;
      p = end;
    }
    firstSite[code.count] = paths.siteAt.length;
    paths.cover();
    return {
      loopAt: paths.loopAt.items,
      loopCheck: paths.loopCheck.items,
      jumpAt: paths.jumpAt.items,
      jumpLoop: paths.jumpLoop.items,
      siteAt: paths.siteAt.items,
      siteTarget: paths.siteTarget.items,
      siteFlags: paths.siteFlags.items,
      firstSite,
      codeAt,
      codeSize,
      codeRun,
      bulkAt: this.#bulkAt.items,
      globalSetAt: this.#globalSetAt.items,
      referenced: this.#referenced,
    };
  }

  #takesParams(p: number): boolean {
    const source = this.#source;
    const byte = source[p]!;
    // A one-byte negative number is an empty type or a value type.
    if ((byte & 0xc0) === 0x40) return false;
    const type = this.#module.types[readIndex(source, p)];
    return type === undefined || type.params.length > 0;
  }

  #body(start: number, end: number): void {
    const source = this.#source;
    const paths = this.#paths;
    const { importedFunctions } = this.#module;
    let height = paths.push(0, BLOCK, 0);
    let sure = 0;
    let inner = -1;
    let constAt = 0;
    let constEnd = 0;
    let setEnd = 0;
    let initAt = 0;
    let p = start;
    while (p < end) {
      const at = p;
      let id = source[p++]!;
      let action = ACTIONS[id]!;
      if (action === Immediate.prefix) {
        const sub = readIndex(source, p);
        p = skipInteger(source, p, U32_MOST);
        id = prefixed(id, sub);
        action = id < 0 ? Immediate.unknown : ACTIONS[id]!;
        if (action === Immediate.unknown) unsupported(source, at, sub);
      }
      switch (action) {
        case Immediate.none:
          continue;
        case Immediate.index:
        case Immediate.i32:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          continue;
        case Immediate.memory:
          if (source[p]! < 0x40 && source[p + 1]! < 0x80) p += 2;
          else p = skipImmediates(Immediate.memory, source, p, end);
          continue;
        case Do.localSet:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          if (constEnd === at) {
            initAt = constAt;
            setEnd = p;
          }
          continue;
        case Do.globalSet:
          this.#globalSetAt.push(at);
          p = skipInteger(source, p, U32_MOST);
          continue;
        case Do.i32Const:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          constAt = at;
          constEnd = p;
          continue;
        case Do.block:
        case Do.try:
          if (source[p] === BlockType.empty) p++;
          else p = skipImmediates(Immediate.block, source, p, end);
          height = paths.push(height, BLOCK, sure);
          // What was set before it is set still.
          if (setEnd === at) setEnd = p;
          continue;
        case Do.if:
          if (source[p] === BlockType.empty) p++;
          else p = skipImmediates(Immediate.block, source, p, end);
          height = paths.push(height, IF, sure);
          continue;
        case Do.loop: {
          const params = this.#takesParams(p);
          height = paths.loop(height, at, sure, inner, setEnd === at ? initAt : 0, params);
          inner = height - 1;
          p = skipImmediates(Immediate.block, source, p, end);
          const dispatch = params ? undefined : readDispatch(source, p, end);
          if (dispatch) {
            height = paths.dispatch(height, sure, dispatch);
            p = dispatch.after;
          }
          continue;
        }
        case Do.else:
        case Do.catch:
        case Do.catchAll:
          if (action === Do.catch) p = skipInteger(source, p, U32_MOST);
          sure = paths.arm(height - 1, sure);
          continue;
        case Do.delegate:
        case Do.end: {
          if (action === Do.delegate) p = skipInteger(source, p, U32_MOST);
          const frame = --height;
          if (frame === 0) {
            if (p !== end) malformed('unexpected end', at);
            return;
          }
          if (paths.isLoop(frame)) inner = paths.outer(frame);
          sure = paths.close(frame, at, sure);
          continue;
        }
        case Do.tryTable: {
          const after = skipImmediates(Immediate.tryTable, source, p, end);
          let q = skipImmediates(Immediate.block, source, p, end);
          let left = readIndex(source, q);
          q = skipInteger(source, q, U32_MOST);
          for (; left > 0; left--) {
            const tagged = source[q++]! < 2;
            if (tagged) q = skipInteger(source, q, U32_MOST);
            sure = paths.branch(height - 1 - readIndex(source, q), sure, false);
            q = skipInteger(source, q, U32_MOST);
          }
          height = paths.push(height, BLOCK, sure);
          p = after;
          continue;
        }
        case Do.brIf: {
          let depth = source[p]!;
          if (depth < 0x80) p++;
          else {
            depth = readIndex(source, p);
            p = skipInteger(source, p, U32_MOST);
          }
          sure = paths.branch(height - 1 - depth, sure, true, depth === 0 && source[p] === Op.end);
          continue;
        }
        case Do.br: {
          const depth = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          const last = source[p] === Op.end && (depth === 0 || (depth === 1 && source[p + 1] === Op.end));
          paths.jump(height - 1 - depth, sure, at, setEnd === at ? initAt : 0, last);
          sure = UNREACHABLE;
          continue;
        }
        case Do.brOn:
          sure = paths.branch(height - 1 - readIndex(source, p), sure, false);
          p = skipInteger(source, p, U32_MOST);
          continue;
        case Do.brOnCast:
          sure = paths.branch(height - 1 - readIndex(source, p + 1), sure, false);
          p = skipImmediates(Immediate.castBranch, source, p, end);
          continue;
        case Do.brTable: {
          let left = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          for (; left >= 0; left--) {
            if (p >= end) malformed('unexpected end', at);
            paths.branch(height - 1 - readIndex(source, p), sure, false);
            p = skipInteger(source, p, U32_MOST);
          }
          sure = UNREACHABLE;
          continue;
        }
        case Do.leaveIndex:
          p = skipInteger(source, p, U32_MOST);
          sure = UNREACHABLE;
          continue;
        case Do.leave:
          sure = UNREACHABLE;
          continue;
        case Do.call:
        case Do.returnCall: {
          const callee = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          paths.calls(inner);
          if (callee >= importedFunctions)
            paths.site(at, callee - importedFunctions, action === Do.returnCall ? Site.tail : 0, sure);
          if (action === Do.returnCall) sure = UNREACHABLE;
          continue;
        }
        case Do.callIndirect:
        case Do.returnCallIndirect:
        case Do.callRef:
        case Do.returnCallRef: {
          const tail = action === Do.returnCallIndirect || action === Do.returnCallRef;
          const type = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          if (action === Do.callIndirect || action === Do.returnCallIndirect) p = skipInteger(source, p, U32_MOST);
          paths.calls(inner);
          paths.site(at, type, tail ? Site.indirect | Site.tail : Site.indirect, sure);
          if (tail) sure = UNREACHABLE;
          continue;
        }
        case Do.refFunc: {
          const named = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          if (named < this.#referenced.length) this.#referenced[named] = 1;
          continue;
        }
        case Do.helped:
          paths.calls(inner);
          p = skipImmediates(IMMEDIATES[id]!, source, p, end);
          continue;
        case Do.bulk:
          paths.calls(inner);
          if (constEnd !== at || readSigned(source, constAt + 1) >>> 0 > BARE_MAX) this.#bulkAt.push(at);
          p = skipImmediates(IMMEDIATES[id]!, source, p, end);
          continue;
        case Immediate.unknown:
          unsupported(source, at, -1);
          break;
        default:
          p = skipImmediates(action, source, p, end);
      }
    }
    malformed('unexpected end', end);
  }
}

export function scan(module: Module): Scan {
  return new Scanner(module).run();
}
