// Style that matters is a test: import direction, what the core may not call, dead files and exports, sizes. Each rule is a
// function from sources to complaints, and is shown to complain about a source made up for it.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..');

interface Source {
  /** Relative to the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments and contents of strings. */
  readonly code: string;
}

/** A complaint: where, and what. */
type Rule = (sources: readonly Source[]) => string[];

const FOLDERS = ['src', 'test', 'scripts', 'bin', 'bench', 'examples'];
/** Longer than any other, since each is one list. */
const TABLES = ['src/syscalls/table.ts'];
const LINES_MAX = 300;
/** Where a program, or a thread of it, starts; the simulated machine is where tests do. */
const ROOTS = ['src/index.ts', 'src/cli/cli.ts', 'src/machine/thread/worker.ts', 'src/hal/sim/hal.ts'];
const CORE = /^src\/(kernel|caps|syscalls|runtime|hal\/sim)\/|^src\/hal\/[^/]+$/;

/** What the files of each area may import. Node and packages are `host`, unless one is named. */
const LAYERS: Record<string, readonly string[]> = {
  hal: ['hal'],
  'hal/sim': ['hal', 'hal/sim'],
  'hal/node': ['hal', 'hal/node', 'host'],
  caps: ['hal', 'caps'],
  'caps/policy': ['hal', 'caps', 'caps/policy', 'yaml', 'zod'],
  runtime: ['hal', 'runtime'],
  syscalls: ['hal', 'caps', 'caps/policy', 'syscalls'],
  kernel: ['hal', 'caps', 'caps/policy', 'runtime', 'syscalls', 'kernel'],
  machine: ['hal', 'hal/node', 'caps', 'caps/policy', 'runtime', 'syscalls', 'kernel', 'machine', 'host'],
  index: ['hal', 'caps', 'caps/policy', 'runtime', 'syscalls', 'kernel', 'machine'],
  cli: ['hal', 'hal/node', 'caps', 'caps/policy', 'runtime', 'syscalls', 'kernel', 'machine', 'index', 'cli', 'host'],
};

/** Comments go, strings are emptied; imports keep theirs in `text`. Regular expressions are not told from divisions: no rule minds. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (match) =>
    match.startsWith('/') ? ' ' : "''",
  );
}

function source(name: string, text: string): Source {
  return { path: name, text, code: codeOf(text) };
}

function areaOf(name: string): string {
  const [, first = '', second = ''] = name.split('/');
  if (`${first}/${second}` in LAYERS) return `${first}/${second}`;
  return first.replace(/\.ts$/, '');
}

/** The files, or packages, that a source imports: statically, by type, or lazily. */
function importsOf({ path: from, text }: Source): string[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from '([^']+)'|(?:^|\n)import '([^']+)'|\bimport\('([^']+)'\)/g,
  );
  return [...found].map(([, named, bare, lazy]) => {
    const target = (named ?? bare ?? lazy)!;
    return target.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(from), target)) : target;
  });
}

const inSrc = (sources: readonly Source[]) => sources.filter((one) => one.path.startsWith('src/') && !one.path.endsWith('.d.ts'));
const inTests = (sources: readonly Source[]) => sources.filter((one) => one.path.startsWith('test/'));

/** A rule about the code of some sources: each match of `pattern` is a complaint. */
function banned(which: (sources: readonly Source[]) => readonly Source[], pattern: RegExp, of: 'code' | 'text' = 'code'): Rule {
  return (sources) =>
    which(sources).flatMap((one) =>
      [...one[of].matchAll(new RegExp(pattern, `g${pattern.flags}`))].map(([match]) => `${one.path}: ${match.trim()}`),
    );
}

const importDirection: Rule = (sources) =>
  inSrc(sources).flatMap((one) => {
    const area = areaOf(one.path);
    return importsOf(one)
      .filter((target) => !LAYERS[area]?.includes(target.startsWith('src/') ? areaOf(target) : 'host'))
      .filter((target) => target.startsWith('src/') || !LAYERS[area]?.includes(target))
      .map((target) => `${one.path} imports ${target}`);
  });

const deadFiles: Rule = (sources) => {
  const byPath = new Map(sources.map((one) => [one.path, one]));
  const reached = new Set<string>();
  const visit = (name: string) => {
    const one = byPath.get(name);
    if (one === undefined || reached.has(name)) return;
    reached.add(name);
    for (const target of importsOf(one)) visit(target);
  };
  for (const name of ROOTS) visit(name);
  return inSrc(sources)
    .filter((one) => !reached.has(one.path))
    .map((one) => one.path);
};

const deadExports: Rule = (sources) =>
  inSrc(sources)
    .filter((one) => one.path !== 'src/index.ts')
    .flatMap((one) => {
      const declared = one.code.matchAll(/\bexport (?:async |abstract )?(function\*?|class|const|let|interface|type) (\w+)/g);
      return [...declared]
        .filter(([, kind, name]) => {
          const word = new RegExp(`\\b${name}\\b`, 'g');
          // A type, or a class to extend, may be exported for the sake of others in its own file.
          const inside = kind !== 'const' && (one.code.match(word) ?? []).length > 1;
          return !inside && !sources.some((other) => other !== one && other.code.search(word) >= 0);
        })
        .map(([, , name]) => `${one.path}: ${name}`);
    });

const tooLong: Rule = (sources) =>
  inSrc(sources)
    .filter((one) => !TABLES.includes(one.path) && one.text.split('\n').length > LINES_MAX + 1)
    .map((one) => `${one.path}: ${one.text.split('\n').length - 1} lines`);

const noOpeningComment: Rule = (sources) =>
  inSrc(sources)
    .filter((one) => !one.text.startsWith('//'))
    .map((one) => one.path);

const inCore = (sources: readonly Source[]) => sources.filter((one) => CORE.test(one.path));
const everywhere = (sources: readonly Source[]) => sources;

/** Spelt in pieces, so that this file does not complain about itself. */
const MARKERS = ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|');
const PLACES = ['wo' + 'rk', 'ro' + 'ot', 'Us' + 'ers'].join('|');

const rules: Record<string, { rule: Rule; bad: Source[]; good: Source[] }> = {
  'imports point down': {
    rule: importDirection,
    bad: [
      source('src/caps/a.ts', "import { b } from '../kernel/b.ts';\n"),
      source('src/kernel/a.ts', "import fs from 'node:fs';\n"),
      source('src/caps/policy/a.ts', "import fs from 'node:fs';\n"),
      source('src/caps/a.ts', "await import('yaml');\n"),
    ],
    good: [
      source('src/kernel/a.ts', "import { b } from '../caps/b.ts';\nexport * from './c.ts';\n"),
      source('src/caps/policy/a.ts', "await import('yaml');\n"),
    ],
  },
  'what reads policies is loaded when there is one': {
    rule: banned(inSrc, /^import (?!type )[^;]*? from '(?:yaml|zod)'/m, 'text'),
    bad: [source('src/caps/policy/a.ts', "import { z } from 'zod';\n")],
    good: [source('src/caps/policy/a.ts', "import type { z } from 'zod';\nawait import('zod');\n")],
  },
  'the core reads no clock, draws no chance, and calls no host': {
    rule: banned(
      inCore,
      /\b(?:Date\.now|new Date|Math\.random|performance|setTimeout|setInterval|setImmediate|globalThis|Buffer|fetch)\b/,
    ),
    bad: [source('src/kernel/a.ts', 'const now = Date.now();'), source('src/hal/a.ts', 'setTimeout(f, 1);')],
    good: [source('src/hal/node/a.ts', 'Date.now();'), source('src/kernel/b.ts', '// not Date.now()\n')],
  },
  // V8 makes such a function in the old generation, and with it lasts what it closes over, until all of the heap is collected.
  'the core writes no function where it assigns it to a property': {
    rule: banned(inCore, /(?:\.#?\w+|\]) (?:\?\?)?= (?:async )?(?:function\b|\w+ =>|\([^()]*\)(?:: [^=\n]+)? =>)/),
    bad: [
      source('src/kernel/a.ts', 'this.account.beyond = (resource) => this.end(resource);'),
      source('src/caps/a.ts', 'this.#ended ??= () => {};'),
      source('src/kernel/b.ts', "kernel['touch'] = (at: number): number => at;"),
    ],
    good: [
      source(
        'src/kernel/a.ts',
        'const end = () => this.end();\nthis.ended = end;\nthis.reasons = reasons.map((one) => one.text);',
      ),
      source('src/machine/a.ts', 'this.end = () => {};'),
    ],
  },
  'nothing is left to be done': {
    rule: banned(everywhere, new RegExp(`\\b(?:${MARKERS})\\b`), 'text'),
    bad: [source('scripts/a.js', `// ${MARKERS.split('|')[0]}: finish`)],
    good: [source('scripts/a.js', '// finished')],
  },
  'no default exports, no any, no enum': {
    rule: banned(inSrc, /\bexport default\b|(?::|\bas|<) ?any\b(?!\()|\benum \w+ \{/),
    bad: [source('src/a.ts', 'export default 1;'), source('src/b.ts', 'let a: any;'), source('src/c.ts', 'enum A { B }')],
    good: [source('src/a.ts', 'export const anything: many = 1; // any')],
  },
  'every test runs': {
    rule: banned(inTests, /\.(?:only|skip|todo)\(/),
    bad: [source('test/a.test.ts', "test.only('a', f);")],
    good: [source('test/a.test.ts', "describe.skipIf(missing)('a', f);")],
  },
  'no test sleeps': {
    rule: banned(inTests, /\bsetTimeout\(|\bsetInterval\(|\bAtomics\.wait\(|\btimers\/promises\b/),
    bad: [source('test/a.test.ts', 'await new Promise((done) => setTimeout(done, 100));')],
    good: [source('test/a.test.ts', 'await new Promise((done) => setImmediate(done));')],
  },
  'every file is reached from the embedding API, the command line or the simulated machine': {
    rule: deadFiles,
    bad: [source('src/index.ts', "export { b } from './b.ts';\n"), source('src/b.ts', ''), source('src/c.ts', '')],
    good: [
      source('src/index.ts', "export { b } from './b.ts';\n"),
      source('src/b.ts', "await import('./c.ts');"),
      source('src/c.ts', ''),
    ],
  },
  'every export is used elsewhere': {
    rule: deadExports,
    bad: [source('src/a.ts', 'export const one = 1;'), source('src/b.ts', "// one\nconst two = 'one';")],
    good: [source('src/a.ts', 'export const one = 1;'), source('test/b.ts', "import { one } from '../src/a.ts';")],
  },
  [`no file but a table has more than ${LINES_MAX} lines`]: {
    rule: tooLong,
    bad: [source('src/a.ts', '\n'.repeat(LINES_MAX + 1))],
    good: [source('src/a.ts', '\n'.repeat(LINES_MAX)), source(TABLES[0]!, '\n'.repeat(1000))],
  },
  'every file says first what it is': {
    rule: noOpeningComment,
    bad: [source('src/a.ts', 'export const a = 1;')],
    good: [source('src/a.ts', '// What a is.\n')],
  },
  'no path of one machine': {
    rule: banned(everywhere, new RegExp(`(?<![\\w.}*])/(?:${PLACES})/\\w+`), 'text'),
    bad: [source('test/a.ts', `'/${PLACES.split('|')[0]}/main'`)],
    good: [source('test/a.ts', "'/data/main'")],
  },
};

function readSources(): Source[] {
  return FOLDERS.flatMap((folder) => {
    const absolute = path.join(root, folder);
    if (!fs.existsSync(absolute)) return [];
    return fs
      .readdirSync(absolute, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.includes('node_modules'))
      .map((name) =>
        source(path.posix.join(folder, name.replaceAll('\\', '/')), fs.readFileSync(path.join(absolute, name), 'utf8')),
      );
  });
}

describe.each(Object.entries(rules))('%s', (_name, { rule, bad, good }) => {
  test('the rule bites, and only where it should', () => {
    // Each bad source alone must be found out, but for rules about several at once.
    expect(rule(bad).length).toBeGreaterThan(0);
    expect(rule(good)).toEqual([]);
  });

  test('holds', () => {
    expect(rule(readSources())).toEqual([]);
  });
});

test('the core is type-checked without any host', () => {
  const { compilerOptions, include } = JSON.parse(fs.readFileSync(path.join(root, 'tsconfig.core.json'), 'utf8'));
  expect(compilerOptions).toMatchObject({ lib: ['esnext'], types: [] });
  for (const part of ['src/kernel', 'src/caps', 'src/syscalls', 'src/runtime', 'src/hal/*.ts', 'src/hal/sim'])
    expect(include).toContain(part);
});

test('each script that a person runs can be the first command in a fresh clone', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  // The rest npm runs by itself.
  const typed = Object.keys(scripts).filter((name) => !name.startsWith('pre'));
  expect(typed).toContain('test');
  for (const name of typed) expect(scripts[`pre${name}`], name).toBe('node scripts/setup.js');
});
