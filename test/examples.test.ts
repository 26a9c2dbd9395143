// Every example runs as a user would run it, on the built package, and says what it should; README mentions each.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const examples = path.join(root, 'examples');

function run(name: string, args: readonly string[] = [], input = '') {
  const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(examples, name), ...args], {
    cwd: root,
    input,
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

const EXPECTED: Readonly<Record<string, string>> = {
  'hello.ts': `args-env.wasm
--greet
world
LANG=C
ended by exit with 0, after 7 system calls
`,
  'plugin.ts': `HELLO (5 letters)
PLUGINS KEEP THEIR STATE (21 letters)
invalid-argument: the process has no 16 bytes at 2147483648
ended: trap
`,
  'untrusted.ts': `work: 2432902008176640000 - exit 0
snoop: found descriptor -1 - exit 0
hoard: got 256 pages of 64 KiB - exit 0
fall: trap: unreachable
stay: timeout (SIGKILL)
stay, aborted: signal (SIGKILL)
`,
  'supervised.ts': `supervised.wat asks for path_open of /files/salaries.txt: no
price: 42
menu.txt: opened
salaries.txt: refused
refused: path_open of /files/salaries.txt, 1 time
`,
  'region.ts': `the camera maps it: 0
the viewer maps it to write: 76; to read: 0
the viewer sees 7340032, the embedder 7340032
trap: region:frames, which was revoked
`,
  'pipeline.ts': `      3 AH
      2 WELL
      1 AH
sed: exit
tr: exit
uniq: exit
`,
};

test.each(Object.keys(EXPECTED))('%s', (name) => {
  expect(run(name)).toEqual({ stdout: EXPECTED[name], stderr: '', status: 0 });
});

test('README names all of them, and all of them are tested', () => {
  const names = fs.readdirSync(examples).filter((name) => name.endsWith('.ts'));
  expect(names.toSorted()).toEqual([...Object.keys(EXPECTED), 'ruby.ts'].toSorted());
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  for (const name of names) expect(readme).toContain(`examples/${name}`);
  const code = (name: string) =>
    fs.readFileSync(path.join(examples, name), 'utf8').replace(/^[\s\S]*?(?=await using machine)/, '');
  for (const name of ['hello.ts', 'supervised.ts']) expect(readme).toContain(code(name));
});

describe('ruby.ts', () => {
  let directory = '';
  beforeAll(() => {
    directory = fs.mkdtempSync(path.join(tmpdir(), 'superos-ruby-'));
    fs.writeFileSync(path.join(directory, 'words.txt'), 'pear\napple\nfig\n');
  });
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  test('a script that reads a directory, with the standard library', () => {
    const script = `
      require 'json'
      puts JSON.generate(File.readlines('/data/words.txt', chomp: true).sort)
      puts %q(it's a \\ "test"), Dir.children('/data')`;
    const { stdout, stderr, status } = run('ruby.ts', ['--dir', directory, '-e', script]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: '["apple","fig","pear"]\nit\'s a \\ "test"\nwords.txt\n',
      stderr: '',
      status: 0,
    });
  });

  test('a script from standard input, and its exit status', () => {
    expect(run('ruby.ts', [], 'puts RUBY_ENGINE; exit 7')).toEqual({ stdout: 'ruby\n', stderr: '', status: 7 });
  });

  test('an exception', () => {
    const { stderr, status } = run('ruby.ts', ['-e', 'raise "no"']);
    expect(stderr).toContain('no (RuntimeError)');
    expect(status).toBe(1);
  });

  test('what it was not given', () => {
    const script = `
      ['/etc/passwd', '/data/../etc/passwd', '/proc/self/environ'].each { |name| begin; puts File.read(name); rescue SystemCallError => error; puts error.class; end }
      begin; File.write('/data/new.txt', 'x'); rescue SystemCallError => error; puts error.class; end
      begin; \`ls\`; rescue StandardError, NotImplementedError => error; puts error.class; end
      p ENV.to_h`;
    const { stdout, status } = run('ruby.ts', ['--dir', directory, '-e', script]);
    expect(stdout.trim().split('\n')).toHaveLength(6);
    expect(stdout).not.toContain('root:');
    expect(stdout.endsWith('{}\n')).toBe(true);
    expect(fs.readdirSync(directory)).toEqual(['words.txt']);
    expect(status).toBe(0);
  });

  test('a directory that it may write to', () => {
    expect(run('ruby.ts', ['--write', '--dir', directory, '-e', 'File.write("/data/made.txt", "by ruby")']).status).toBe(0);
    expect(fs.readFileSync(path.join(directory, 'made.txt'), 'utf8')).toBe('by ruby');
  });
});
