// The programs that the cost of rewriting is measured on, with their inputs. The list was fixed before the preempt pass was written,
// and is never changed: neither are inputs, arguments, or the binaries of guests/bin/bench-* (whatever is better is a new list).
import { join } from 'node:path';
import { log, noise, numbers, objects, prose } from './inputs.ts';
import { rubyCalls } from './ruby.ts';
import type { Calls } from './variant.ts';

const root = join(import.meta.dirname, '..', '..');
const own = (name: string) => join(root, 'guests', 'bin', `bench-${name}.wasm`);
const userland = (pack: string, name: string) => join(root, 'node_modules', '@rivet-dev', `agent-os-${pack}`, 'wasm', name);
const RUBY = join(root, 'node_modules', '@ruby', '4.0-wasm-wasi', 'dist', 'ruby.wasm');

export interface Program {
  readonly name: string;
  readonly language: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly input?: () => Uint8Array;
  /** Absent for a command, whose `_start` is called. */
  readonly calls?: Calls;
}

const AWK = `{ count[$2 " " $5]++; bytes[$2] += $6; if ($7 > slowest) slowest = $7 }
END { for (key in count) total += count[key] * length(key); for (host in bytes) sum += bytes[host]; print total, sum, slowest }`;

const JQ = `[.[] | select(.owner.active) | {user: .owner.user, weight: (.load * 2 + (.tags | length)), name: (.name | split("-")[0])}]
| group_by(.user) | map({user: .[0].user, total: (map(.weight) | add), names: (map(.name) | unique | join(","))})`;

const SCRIPT = `
def queens(n, row = 0, columns = 0, left = 0, right = 0)
  return 1 if row == n
  (0...n).sum do |column|
    bit = 1 << column
    next 0 if (columns | left | right) & bit != 0
    queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
  end
end
words = Hash.new(0)
seed = 1
20_000.times do
  seed = (seed * 1664525 + 1013904223) & 0xffffffff
  words["w#{seed % 997}"] += 1
end
text = words.sort_by { |word, count| [-count, word] }.first(50).map { |word, count| "#{word}: #{count}" }.join("\\n")
$stdout.print queens(7), text.scan(/w(\\d+): (\\d)/).sum { |number, digit| number.to_i * digit.to_i }, 3 ** 900 % 1_000_007
$stdout.flush
`;

const SHELL = `i=0; sum=0; text=
while [ $i -lt 6000 ]; do
  case $((i % 4)) in 0) sum=$((sum + i * i % 7));; 1) text="$i\${text:0:20}";; *) sum=$((sum ^ i));; esac
  i=$((i + 1))
done
echo $sum $text`;

export const PROGRAMS: readonly Program[] = [
  { name: 'awk', language: 'userland', file: userland('gawk', 'awk'), args: [AWK], input: () => log(30000) },
  { name: 'jq', language: 'userland', file: userland('jq', 'jq'), args: ['-s', JQ], input: () => objects(6000) },
  {
    name: 'rg',
    language: 'userland',
    file: userland('ripgrep', 'rg'),
    args: ['-c', '(al|be|th)[a-z]+ .*"GET /[a-z]+/?[aiu]'],
    input: () => log(200000),
  },
  {
    name: 'grep',
    language: 'userland',
    file: userland('grep', 'grep'),
    args: ['-cE', '10\\.[0-3]\\.([0-9]+)\\..*(users|items).* 500 '],
    input: () => log(300000),
  },
  {
    name: 'sed',
    language: 'userland',
    file: userland('sed', 'sed'),
    args: ['-E', 's/([a-z]+),/<\\1>/g; /kernel/d; s/[aeiou]{2}/_/'],
    input: () => prose(350000),
  },
  { name: 'sha256sum', language: 'userland', file: userland('coreutils', 'sha256sum'), args: [], input: () => noise(32) },
  { name: 'b2sum', language: 'userland', file: userland('coreutils', 'b2sum'), args: [], input: () => noise(128) },
  { name: 'cksum', language: 'userland', file: userland('coreutils', 'cksum'), args: [], input: () => noise(128) },
  { name: 'wc', language: 'userland', file: userland('coreutils', 'wc'), args: ['-lwmL'], input: () => prose(3000000) },
  { name: 'base64', language: 'userland', file: userland('coreutils', 'base64'), args: [], input: () => noise(64) },
  { name: 'factor', language: 'userland', file: userland('coreutils', 'factor'), args: [], input: () => numbers(8000) },
  { name: 'bash', language: 'userland', file: userland('coreutils', 'bash'), args: ['-c', SHELL] },
  { name: 'ruby', language: 'Ruby', file: RUBY, args: [], calls: rubyCalls(SCRIPT) },
  { name: 'lz', language: 'C', file: own('lz'), args: ['25'] },
  { name: 'hash', language: 'C', file: own('hash'), args: ['120'] },
  { name: 'vm', language: 'C', file: own('vm'), args: ['100000'] },
  { name: 'matrix', language: 'C', file: own('matrix'), args: ['30'] },
  { name: 'nbody', language: 'C', file: own('nbody'), args: ['1800000'] },
  { name: 'fft', language: 'C', file: own('fft'), args: ['250'] },
  { name: 'sieve', language: 'C', file: own('sieve'), args: ['65'] },
  { name: 'sort', language: 'C', file: own('sort'), args: ['5'] },
  { name: 'recursion', language: 'C', file: own('recursion'), args: ['250'] },
  { name: 'parse', language: 'Rust', file: own('parse-rust'), args: ['45'] },
  { name: 'tree', language: 'Rust', file: own('tree-rust'), args: ['100'] },
  { name: 'words', language: 'Rust', file: own('words-rust'), args: ['55'] },
  { name: 'flate', language: 'Go', file: own('go'), args: ['flate', '20'] },
  { name: 'regexp', language: 'Go', file: own('go'), args: ['regexp', '20'] },
  { name: 'sort', language: 'Go', file: own('go'), args: ['sort', '15'] },
  { name: 'fannkuch', language: 'Go', file: own('go'), args: ['fannkuch', '60'] },
  { name: 'life', language: 'AssemblyScript', file: own('life-assemblyscript'), args: [] },
  { name: 'distance', language: 'AssemblyScript', file: own('distance-assemblyscript'), args: [] },
  { name: 'mandelbrot', language: 'AssemblyScript', file: own('mandelbrot-assemblyscript'), args: [] },
];
