// What the programs of the cost bench read: made by a seeded generator, so that every run, here and elsewhere, has the same bytes.
// Part of the list of programs, and like it never changed.

/** Numbers below a bound, from a linear congruential generator. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % bound;
  };
}

const HOSTS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'];
const PATHS = ['/index.html', '/api/users', '/api/items?page=2', '/static/app.js', '/login', '/search?q=wasm', '/health'];
const STATUS = [200, 200, 200, 200, 304, 404, 500];
const WORDS =
  'process memory kernel signal thread page queue lock fault region table scheduler capability pipe the a of to'.split(' ');

/** Lines of a web server's log. */
export function log(lines: number): Buffer {
  const next = generator(1);
  const text = Array.from({ length: lines }, (_, i) => {
    const address = `10.${next(4)}.${next(256)}.${next(256)}`;
    return `${address} ${HOSTS[next(8)]} [${1700000000 + i}] "GET ${PATHS[next(7)]}" ${STATUS[next(7)]} ${next(50000)} ${next(1000) / 1000}`;
  });
  return Buffer.from(`${text.join('\n')}\n`);
}

/** Paragraphs of words. */
export function prose(words: number): Buffer {
  const next = generator(2);
  const text = Array.from({ length: words }, () => `${WORDS[next(WORDS.length)]}${['', '', '', ',', '.\n'][next(5)]}`);
  return Buffer.from(`${text.join(' ')}\n`);
}

/** One JSON object a line. */
export function objects(count: number): Buffer {
  const next = generator(3);
  const text = Array.from({ length: count }, (_, id) =>
    JSON.stringify({
      id,
      name: `${WORDS[next(WORDS.length)]}-${next(1000)}`,
      load: next(10000) / 100,
      tags: [WORDS[next(4)], WORDS[next(8)]],
      owner: { user: HOSTS[next(8)], group: next(5), active: next(2) === 1 },
    }),
  );
  return Buffer.from(`${text.join('\n')}\n`);
}

/** Bytes without a pattern, but that they come again after a mebibyte. */
export function noise(mebibytes: number): Buffer {
  const next = generator(4);
  const block = Uint8Array.from({ length: 1 << 20 }, () => next(256));
  return Buffer.concat(Array.from({ length: mebibytes }, () => block));
}

/** Numbers of up to 17 digits, one a line. */
export function numbers(count: number): Buffer {
  const next = generator(5);
  return Buffer.from(Array.from({ length: count }, () => `${next(1 << 24)}${next(100000000)}\n`).join(''));
}
