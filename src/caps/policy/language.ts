// The language of policies: reads a text, and what it extends, into a policy, or says all that is wrong. The packages that it
// takes are loaded when it is first asked for, so that who runs without a policy never waits for them.
import type * as Yaml from 'yaml';
import type * as Zod from 'zod';
import { nearest } from '../nearest.ts';
import { type Checks, readFile, type Wanted } from './file.ts';
import { narrow } from './narrow.ts';
import type { Policy, Vocabulary } from './policy.ts';
import { schemaOf } from './schema.ts';
import { checkShape } from './shape.ts';
import { Problems, Source, type Text } from './source.ts';
import { readTree } from './tree.ts';

/** Files that one policy may extend together. */
const FILES_MAX = 64;

export interface ParseOptions extends Checks {
  readonly file: string;
  readonly shipped?: string | undefined;
  /** A ready policy, or one in a file that is named from another. */
  load(name: string, from: string): Text | undefined;
  /** Names of ready policies, for advice. */
  readonly ready?: readonly string[];
}

export interface PolicyLanguage {
  /** Throws PolicyError. */
  parse(text: string, options: ParseOptions): Policy;
  /** For editors. */
  jsonSchema(): unknown;
}

/** Making a schema takes longer than reading most policies. */
const made = new WeakMap<Vocabulary, Promise<PolicyLanguage>>();

export const policyLanguage = (vocabulary: Vocabulary): Promise<PolicyLanguage> => made.getOrInsertComputed(vocabulary, make);

async function make(vocabulary: Vocabulary): Promise<PolicyLanguage> {
  const [yaml, { z }] = await Promise.all([import('yaml'), import('zod')]);
  const schema = schemaOf(z, vocabulary);
  return {
    parse: (text, options) =>
      new Parse(yaml, schema, vocabulary, options).run({ file: options.file, text, shipped: options.shipped }),
    jsonSchema: () => z.toJSONSchema(schema),
  };
}

/** One policy with all that it extends. */
class Parse {
  readonly #yaml: typeof Yaml;
  readonly #schema: Zod.ZodType;
  readonly #vocabulary: Vocabulary;
  readonly #options: ParseOptions;
  readonly #problems = new Problems();
  /** By file: one that is extended on several ways is there once, since what it refuses is refused already. */
  readonly #seen = new Set<string>();

  constructor(yaml: typeof Yaml, schema: Zod.ZodType, vocabulary: Vocabulary, options: ParseOptions) {
    this.#yaml = yaml;
    this.#schema = schema;
    this.#vocabulary = vocabulary;
    this.#options = options;
  }

  run(text: Text): Policy {
    const policy = this.#file(text, []);
    this.#problems.check();
    return policy!;
  }

  /** Undefined where its text is no tree. `within`: the files that led here. */
  #file(text: Text, within: readonly string[]): Policy | undefined {
    const { file } = text;
    this.#seen.add(file);
    const source = new Source(text, this.#problems);
    const root = readTree(this.#yaml, source);
    if (root === undefined) return undefined;
    checkShape(this.#schema, root, source);
    if (this.#problems.full) return undefined;
    const { policy, extended } = readFile(root, source, this.#vocabulary, this.#options);
    let whole: Policy | undefined;
    for (const wanted of extended) {
      const base = this.#extend(wanted, source, [...within, file]);
      if (base !== undefined) whole = whole === undefined ? base : narrow(whole, base);
    }
    return whole === undefined ? policy : narrow(whole, policy);
  }

  #extend({ name, offset }: Wanted, source: Source, within: readonly string[]): Policy | undefined {
    const found = this.#options.load(name, source.file);
    if (found === undefined) {
      const meant = name.length > 40 ? undefined : nearest(name, this.#options.ready ?? []);
      const advice = meant === undefined ? '; a file is named with a slash or an ending' : `; did you mean '${meant}'?`;
      source.problem(offset, `there is no policy '${name}'${advice}`);
    } else if (within.includes(found.file)) {
      source.problem(offset, `'${name}' extends itself${within.length > 1 ? `: ${[...within, found.file].join(' -> ')}` : ''}`);
    } else if (this.#seen.size >= FILES_MAX) {
      source.problem(offset, `a policy extends at most ${FILES_MAX - 1} others`);
    } else if (!this.#seen.has(found.file)) return this.#file(found, within);
    return undefined;
  }
}
