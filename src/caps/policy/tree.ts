// The part of YAML that policies are written in, as a tree whose nodes know where they stand: mappings with names as keys,
// lists, and plain values. Anchors, aliases, tags and directives are refused: nothing here means more than it says.
import type * as Yaml from 'yaml';
import type { Source } from './source.ts';

/** Characters of a policy. */
const LENGTH_MAX = 2 ** 18;
/** Collections within each other. */
const DEPTH_MAX = 32;

export interface Scalar {
  readonly kind: 'scalar';
  readonly offset: number;
  readonly value: string | number | boolean | null;
  /** Where the characters of the value begin, if they are written as they are. */
  readonly inside: number;
}

export interface List {
  readonly kind: 'list';
  readonly offset: number;
  readonly items: readonly Node[];
}

export interface Mapping {
  readonly kind: 'mapping';
  readonly offset: number;
  readonly entries: ReadonlyMap<string, { readonly offset: number; readonly value: Node }>;
}

export type Node = Scalar | List | Mapping;

/** Undefined where something is wrong, which is then told to the source. */
export function readTree(yaml: typeof Yaml, source: Source): Node | undefined {
  if (source.text.length > LENGTH_MAX) {
    source.problem(0, `a policy has at most ${LENGTH_MAX} characters, not ${source.text.length}`);
    return undefined;
  }
  const tokens = tokensOf(yaml, source);
  if (tokens === undefined) return undefined;
  const document = compose(yaml, source, tokens);
  if (document === undefined) return undefined;
  return new Reader(yaml, source).read(document);
}

/** The parser takes any depth, but what comes after it recurs. */
function tokensOf(yaml: typeof Yaml, source: Source): Yaml.CST.Token[] | undefined {
  const parser = new yaml.Parser();
  const tokens: Yaml.CST.Token[] = [];
  for (const lexeme of new yaml.Lexer().lex(source.text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // A mapping and the document around it each take a place.
    if (parser.stack.length > 2 * DEPTH_MAX) {
      source.problem(parser.offset, `collections are at most ${DEPTH_MAX} deep`);
      return undefined;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

function compose(yaml: typeof Yaml, source: Source, tokens: readonly Yaml.CST.Token[]): Yaml.ParsedNode | undefined {
  let sound = true;
  const problem = (offset: number, message: string) => {
    source.problem(Math.min(offset, source.text.length), message);
    sound = false;
  };
  for (const token of tokens) if (token.type === 'directive') problem(token.offset, 'a policy has no directives');
  const composer = new yaml.Composer({
    schema: 'core',
    version: '1.2',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents: Yaml.Document.Parsed[] = [];
  for (const document of composer.compose(tokens, true, source.text.length)) {
    documents.push(document);
    // What follows the first one mostly follows from it.
    const [mistake] = [...document.errors, ...document.warnings];
    if (mistake !== undefined) problem(visible(source.text, mistake.pos[0]), mistakeWords(mistake.code, mistake.message));
    if (documents.length > 1) break;
  }
  const [first, second] = documents;
  if (second !== undefined) problem(second.range[0], 'another document begins; a policy is one');
  if (!sound) return undefined;
  if (first?.contents == null) {
    problem(0, "a policy is expected: a mapping with 'process'");
    return undefined;
  }
  return first.contents;
}

/** What is missing at the end of a text is shown at its last character. */
const visible = (text: string, offset: number): number => Math.min(offset, Math.max(0, text.trimEnd().length - 1));

const COLUMNS =
  'this line begins in another column than its neighbours: the entries of one list or mapping begin in the same one';

/** What to do about mistakes in the notation: the first that fits what the parser says, its code before its words. */
const MISTAKES: readonly (readonly [said: RegExp, words: string])[] = [
  [/reserved character @/, 'a name that begins with \'@\' is written in quotes: "@fs-read"'],
  [/^BAD_SCALAR_START/, "what begins with this character is written in quotes: '...'"],
  [/compact mappings/, "a value with ': ' in it is written in quotes, and a key begins in the column of its neighbours"],
  [/^TAB_AS_INDENT/, 'lines are indented with spaces, not with a tab'],
  [/closing .quote/, 'a closing quote is missing'],
  [/end with a \}/, "'}' is missing"],
  [/end with a \]/, "']' is missing"],
  [/Missing space after :/, "a space is missing behind ':'"],
  [/Comments must be separated/, "a space is missing before '#'"],
  [/^MISSING_CHAR .*(Missing ,|, or :)/, 'a comma is missing, or a colon behind a key'],
  [/^MISSING_CHAR .*map values/, "':' is missing behind a key"],
  [/^(MISSING_CHAR .*without -|BAD_INDENT|BLOCK_AS_IMPLICIT_KEY)/, COLUMNS],
  [/^MULTILINE_IMPLICIT_KEY/, "a key and its ':' are written in one line"],
  [/^KEY_OVER/, 'a key is no longer than 1024 characters'],
  [/^BLOCK_IN_FLOW/, 'within [ ] and { } entries are separated by commas'],
  [/^BAD_DQ_ESCAPE/, 'within double quotes a backslash is written twice, within single quotes once'],
  [/ALIAS|ANCHOR|PROP_ORDER|[Aa]nchor/, 'a policy has no anchors and no aliases'],
  [/TAG|COLLECTION_TYPE/, 'a policy has no tags'],
  [/DIRECTIVE|directive/, 'a policy has no directives'],
  [/^UNEXPECTED_TOKEN/, 'this does not belong here'],
];

const mistakeWords = (code: string, message: string): string =>
  MISTAKES.find(([said]) => said.test(`${code} ${message.split('\n', 1)[0]}`))?.[1] ??
  'this is no YAML as policies are written in';

class Reader {
  readonly #yaml: typeof Yaml;
  readonly #source: Source;
  #sound = true;

  constructor(yaml: typeof Yaml, source: Source) {
    this.#yaml = yaml;
    this.#source = source;
  }

  read(root: Yaml.ParsedNode): Node | undefined {
    const node = this.#node(root, 0);
    return this.#sound ? node : undefined;
  }

  #problem(offset: number, message: string): void {
    this.#source.problem(offset, message);
    this.#sound = false;
  }

  #node(node: Yaml.Node | null, otherwise: number): Node {
    const offset = node?.range?.[0] ?? otherwise;
    if (node === null) return { kind: 'scalar', offset, value: null, inside: offset };
    if (this.#yaml.isAlias(node)) this.#problem(offset, `a policy has no aliases: write what '*${node.source}' stands for`);
    else if (node.anchor !== undefined) this.#problem(offset, `a policy has no anchors: leave out '&${node.anchor}'`);
    if (node.tag !== undefined) this.#problem(offset, `a policy has no tags: leave out '${node.tag}'`);
    if (this.#yaml.isMap(node))
      return { kind: 'mapping', offset, entries: this.#entries(node.items as Yaml.Pair<Yaml.Node, Yaml.Node>[], offset) };
    if (this.#yaml.isSeq(node))
      return { kind: 'list', offset, items: (node.items as Yaml.Node[]).map((item) => this.#node(item, offset)) };
    return this.#scalar(node, offset);
  }

  #entries(pairs: readonly Yaml.Pair<Yaml.Node, Yaml.Node | null>[], from: number): Mapping['entries'] {
    const entries = new Map<string, { offset: number; value: Node }>();
    for (const { key, value } of pairs) {
      const offset = key?.range?.[0] ?? from;
      const { value: name } = this.#yaml.isScalar(key) ? this.#scalar(key, offset) : { value: undefined };
      if (this.#yaml.isScalar(key) && (key.anchor !== undefined || key.tag !== undefined))
        this.#problem(offset, 'a key has no anchor and no tag');
      if (typeof name !== 'string') this.#problem(offset, 'a key is a name; if it is meant to be one, put it in quotes');
      else if (entries.has(name)) this.#problem(offset, `'${name}' is there twice`);
      entries.set(String(name), { offset, value: this.#node(value, offset) });
    }
    return entries;
  }

  #scalar(node: Yaml.Node, offset: number): Scalar {
    if (!this.#yaml.isScalar(node)) return { kind: 'scalar', offset, value: null, inside: offset };
    const { value, type } = node;
    const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
    return { kind: 'scalar', offset, value: plain, inside: type?.startsWith('QUOTE') ? offset + 1 : offset };
  }
}

/** The tree as zod takes it. Objects have no prototype, for a key may be called anything. */
export function plainOf(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plainOf);
    case 'mapping': {
      const plain = Object.create(null) as Record<string, unknown>;
      for (const [name, { value }] of node.entries) plain[name] = plainOf(value);
      return plain;
    }
  }
}

/** Undefined where a path leads to nothing. */
export function nodeAt(root: Node, path: readonly PropertyKey[]): Node | undefined {
  let at: Node | undefined = root;
  for (const step of path) at = at?.kind === 'mapping' ? at.entries.get(String(step))?.value : itemsOf(at)[Number(step)];
  return at;
}

/** Where what a path leads to is written; of a key, where the key is; of what is missing, where that is from which it is. */
export function offsetOf(root: Node, path: readonly PropertyKey[], keyWanted = false): number {
  const found = nodeAt(root, path);
  if (found === undefined) return path.length === 0 ? root.offset : offsetOf(root, path.slice(0, -1));
  const key = keyWanted ? entriesOf(nodeAt(root, path.slice(0, -1))).get(String(path.at(-1))) : undefined;
  return (key ?? found).offset;
}

const NO_ENTRIES: Mapping['entries'] = new Map();

export const entriesOf = (node: Node | undefined): Mapping['entries'] => (node?.kind === 'mapping' ? node.entries : NO_ENTRIES);
export const itemsOf = (node: Node | undefined): readonly Node[] => (node?.kind === 'list' ? node.items : []);
export const textOf = (node: Node | undefined): string | undefined =>
  node?.kind === 'scalar' && node.value !== null ? String(node.value) : undefined;
/** What may be one or a list. */
export const oneOrMore = (node: Node | undefined): readonly Node[] =>
  node === undefined ? [] : node.kind === 'list' ? node.items : [node];
