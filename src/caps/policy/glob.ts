// Patterns of paths: `*` within a component, `**` for any number of components, `?`, `[a-z]`, `{a,b}`. A pattern fits whole
// components only, so that `/data` never is `/database`; matching never takes more steps than the pattern is long times the path.
import { PatternError } from '../pattern.ts';

/** Alternatives that the braces of one component may make together. */
const ALTERNATIVES_MAX = 256;

/** Counts what matching takes, for tests. */
export interface Work {
  steps: number;
}

/** One character: itself, any, or one of a class; or any number of them. */
type Token =
  | string
  | { readonly any: 'one' | 'many' }
  | { readonly ranges: readonly (readonly [string, string])[]; readonly not: boolean };

/** A component: the ways to fit it; or any number of components. */
type Component = readonly (readonly Token[])[] | '**';

/** Whether a stretch of a text, which is a component, fits. */
type Fits = (text: string, from: number, end: number, work: Work | undefined) => boolean;

export type Glob = (text: string, work?: Work) => boolean;

/** How a pattern fits a directory with all that may lie beneath it. */
export interface TreeGlob {
  /** The directory, or something that there could be beneath it. */
  readonly some: Glob;
  /** The directory, and whatever lies beneath it. */
  readonly all: Glob;
}

/** A pattern of absolute paths, which `!` does not belong to. Throws PatternError. */
export function treeGlob(pattern: string): TreeGlob {
  const components = componentsOf(pattern).map((one) => (one === '**' ? one : compile(one)));
  const open = components.findLastIndex((one) => one !== '**') + 1;
  return {
    some: (path) => placesAfter(components, path).length > 0,
    all: (path) => placesAfter(components, path).some((at) => open <= at && at < components.length),
  };
}

/** Where in the pattern one may be after all of the path. */
function placesAfter(pattern: readonly (Fits | '**')[], path: string): readonly number[] {
  let places = closed(pattern, [0]);
  for (let at = 1; at < path.length && places.length > 0; at = endOf(path, at) + 1) {
    const end = endOf(path, at);
    const next = places.flatMap((place) => {
      const wanted = pattern[place];
      if (wanted === '**') return place;
      return wanted?.(path, at, end, undefined) === true ? place + 1 : [];
    });
    places = closed(pattern, next);
  }
  return places;
}

/** `**` may stand for nothing. */
function closed(pattern: readonly (Fits | '**')[], places: readonly number[]): readonly number[] {
  const all = new Set(places);
  for (const place of all) if (pattern[place] === '**') all.add(place + 1);
  return [...all];
}

function componentsOf(pattern: string): Component[] {
  if (!pattern.startsWith('/')) throw new PatternError(0, "a path begins with '/'");
  const components: Component[] = [];
  let from = pattern === '/' ? 2 : 1;
  while (from <= pattern.length) {
    const end = endOfComponent(pattern, from);
    components.push(component(pattern, from, end));
    from = end + 1;
  }
  return components;
}

/** A pattern of absolute paths, which `!` does not belong to. Throws PatternError. */
export function pathGlob(pattern: string): Glob {
  const components = componentsOf(pattern);
  if (pattern === '/') return (path) => path === '/';
  const literal = components.map((one) => (one === '**' ? undefined : literalOf(one)));
  const deep = components.at(-1) === '**';
  const fixed = deep ? literal.slice(0, -1) : literal;
  if (!fixed.includes(undefined)) {
    const exact = `/${fixed.join('/')}`;
    if (!deep) return (path) => path === exact;
    if (exact === '/') return (path) => path.startsWith('/');
    const below = `${exact}/`;
    return (path) => path === exact || path.startsWith(below);
  }
  const compiled = components.map((one) => (one === '**' ? one : compile(one)));
  return (path, work) => fitsPath(compiled, path, work);
}

/** A pattern of a name: one component. Throws PatternError. */
export function nameGlob(pattern: string): Glob {
  const end = endOfComponent(pattern, 0);
  if (end < pattern.length) throw new PatternError(end, "a name has no '/'");
  if (pattern === '') throw new PatternError(0, 'a name is expected');
  const one = component(pattern, 0, end);
  if (one === '**') throw new PatternError(0, "'**' stands for components of a path; '*' is any name");
  const fits = compile(one);
  return (name, work) => fits(name, 0, name.length, work);
}

/** What patterns mostly are goes without taking the text apart. */
function compile(ways: readonly (readonly Token[])[]): Fits {
  const literal = literalOf(ways);
  if (literal !== undefined) return (text, from, end) => end - from === literal.length && text.startsWith(literal, from);
  const [only, more] = ways;
  const star = only!.findIndex(isMany);
  const before = literalOf([only!.slice(0, star)]);
  const after = literalOf([only!.slice(star + 1)]);
  if (more === undefined && star >= 0 && before !== undefined && after !== undefined) {
    const least = before.length + after.length;
    return (text, from, end) =>
      end - from >= least && text.startsWith(before, from) && text.startsWith(after, end - after.length);
  }
  return (text, from, end, work) => {
    const characters = Array.from(text.slice(from, end));
    return ways.some((way) => fitsName(way, characters, work));
  };
}

function literalOf(ways: readonly (readonly Token[])[]): string | undefined {
  const [only, more] = ways;
  return more === undefined && only!.every((token) => typeof token === 'string') ? only!.join('') : undefined;
}

function endOfComponent(pattern: string, from: number): number {
  let at = from;
  while (at < pattern.length && pattern[at] !== '/') {
    if (pattern.startsWith('\\/', at)) throw new PatternError(at, "'\\/' fits nothing: no component has a slash");
    at += pattern[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, pattern.length);
}

function component(pattern: string, from: number, end: number): Component {
  const text = pattern.slice(from, end);
  if (text === '**') return '**';
  if (text === '') throw new PatternError(from, 'a component is empty; paths have none such, nor a slash at the end');
  if (text === '.' || text === '..') throw new PatternError(from, `paths have no '${text}' when they are looked at`);
  const ways: Token[][] = [[]];
  let at = from;
  while (at < end) {
    if (pattern[at] !== '{') {
      const [token, next] = read(pattern, at, end);
      for (const way of ways) way.push(token);
      at = next;
      continue;
    }
    const [choices, next] = readBraces(pattern, at, end);
    if (ways.length * choices.length > ALTERNATIVES_MAX)
      throw new PatternError(at, `the braces of a component make more than ${ALTERNATIVES_MAX} alternatives`);
    for (const way of ways.splice(0)) for (const choice of choices) ways.push([...way, ...choice]);
    at = next;
  }
  return ways;
}

function readBraces(pattern: string, open: number, end: number): [choices: Token[][], next: number] {
  const choices: Token[][] = [[]];
  let at = open + 1;
  while (at < end && pattern[at] !== '}') {
    if (pattern[at] === '{') throw new PatternError(at, "braces in braces; '{' itself is written '\\{'");
    if (pattern[at] === ',') {
      choices.push([]);
      at++;
      continue;
    }
    const [token, next] = read(pattern, at, end);
    choices.at(-1)!.push(token);
    at = next;
  }
  if (at >= end) throw new PatternError(open, "'{' without '}' in the same component");
  return [choices, at + 1];
}

function read(pattern: string, at: number, end: number): [token: Token, next: number] {
  const character = String.fromCodePoint(pattern.codePointAt(at)!);
  switch (character) {
    case '*':
      if (pattern[at + 1] === '*') throw new PatternError(at, "'**' stands alone between slashes");
      return [{ any: 'many' }, at + 1];
    case '?':
      return [{ any: 'one' }, at + 1];
    case '[':
      return readClass(pattern, at, end);
    case '}':
    case ']':
      throw new PatternError(at, `'${character}' closes nothing; itself it is written '\\${character}'`);
    case '\\': {
      if (at + 1 >= end) throw new PatternError(at, "'\\' escapes the character after it, and there is none");
      const escaped = String.fromCodePoint(pattern.codePointAt(at + 1)!);
      return [escaped, at + 1 + escaped.length];
    }
    default:
      return [character, at + character.length];
  }
}

function readClass(pattern: string, open: number, end: number): [token: Token, next: number] {
  let at = open + 1;
  const not = pattern[at] === '!' || pattern[at] === '^';
  if (not) at++;
  const ranges: [string, string][] = [];
  const one = () => {
    if (pattern[at] === '\\') at++;
    if (at >= end) throw new PatternError(open, "'[' without ']' in the same component");
    const character = String.fromCodePoint(pattern.codePointAt(at)!);
    at += character.length;
    return character;
  };
  while (at < end && pattern[at] !== ']') {
    const start = at;
    const low = one();
    if (pattern[at] !== '-' || pattern[at + 1] === ']') {
      ranges.push([low, low]);
      continue;
    }
    at++;
    const high = one();
    if (low.codePointAt(0)! > high.codePointAt(0)!)
      throw new PatternError(start, `'${low}-${high}' is a range that ends before it begins`);
    ranges.push([low, high]);
  }
  if (at >= end) throw new PatternError(open, "'[' without ']' in the same component");
  if (ranges.length === 0) throw new PatternError(open, "'[]' fits nothing");
  return [{ ranges, not }, at + 1];
}

/** After a mismatch only the last `**` takes one more: those before it were already satisfied as early as they can be. */
function fitsPath(pattern: readonly (Fits | '**')[], path: string, work: Work | undefined): boolean {
  let p = 0;
  let at = 1;
  let star = -1;
  let resume = 0;
  while (at < path.length) {
    if (work !== undefined) work.steps++;
    const wanted = pattern[p];
    if (wanted === '**') {
      star = p++;
      resume = at;
      continue;
    }
    const end = endOf(path, at);
    if (wanted?.(path, at, end, work) === true) {
      p++;
      at = end + 1;
    } else if (star >= 0) {
      p = star + 1;
      resume = endOf(path, resume) + 1;
      at = resume;
    } else return false;
  }
  while (pattern[p] === '**') p++;
  return p === pattern.length;
}

function endOf(path: string, from: number): number {
  const slash = path.indexOf('/', from);
  return slash < 0 ? path.length : slash;
}

const isMany = (token: Token | undefined): boolean => typeof token === 'object' && 'any' in token && token.any === 'many';

function fitsName(pattern: readonly Token[], name: readonly string[], work?: Work): boolean {
  let p = 0;
  let at = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    if (work !== undefined) work.steps++;
    const wanted = pattern[p];
    if (isMany(wanted)) {
      star = p++;
      resume = at;
    } else if (wanted !== undefined && fitsCharacter(wanted, name[at]!)) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (isMany(pattern[p])) p++;
  return p === pattern.length;
}

function fitsCharacter(wanted: Token, character: string): boolean {
  if (typeof wanted === 'string') return wanted === character;
  if ('any' in wanted) return true;
  const point = character.codePointAt(0)!;
  return wanted.ranges.some(([low, high]) => low.codePointAt(0)! <= point && point <= high.codePointAt(0)!) !== wanted.not;
}
