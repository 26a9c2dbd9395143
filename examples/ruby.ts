// Ruby in a process: runs a script with a directory of the host, read-only, as /data.
//
//   npx node examples/ruby.ts [--dir DIRECTORY] [--write] [FILE | -e CODE]
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChildProcess, type ExitStatus, type Grant, Machine, type Stdio } from 'superos';

const RUBY = new URL('../node_modules/@ruby/4.0-wasm-wasi/dist/ruby+stdlib.wasm', import.meta.url);
/** `_=0` is the program that is run while Ruby starts: none to speak of. */
const ARGUMENTS = ['ruby.wasm', '-EUTF-8', '-e_=0'];

export interface RubyOptions {
  /** What the script is given besides clock and randomness. Its own library is inside the module. */
  readonly directories?: readonly Grant[];
  readonly stdio?: Stdio;
  readonly timeout?: string;
}

/** Starts Ruby with a script. `wait` on what it gives says how the script ended: `exit`, its end, or 1 for an exception. */
export async function ruby(
  machine: Machine,
  script: string,
  { directories = [], stdio = 'pipe', timeout }: RubyOptions = {},
): Promise<ChildProcess> {
  const child = await machine
    .process(RUBY)
    .capabilities(['clock', 'random', ...directories])
    .stdio(stdio)
    .limits(timeout === undefined ? {} : { timeout })
    .reactor()
    .spawn();
  drive(child, script).catch(() => {
    // The process has ended, which is how a script is to end: its status says how.
    child.kill('SIGKILL');
  });
  return child;
}

/** Calls Ruby as its bindings for hosts do (the canonical ABI): a text is its address and length. */
async function drive(child: ChildProcess, script: string): Promise<void> {
  async function put(bytes: Uint8Array, alignment: number): Promise<number> {
    const [address] = await child.call('cabi_realloc', 0, 0, alignment, bytes.length);
    await child.write(Number(address), bytes);
    return Number(address);
  }
  const encoder = new TextEncoder();
  const list: number[] = [];
  for (const argument of ARGUMENTS) {
    const bytes = encoder.encode(`${argument}\0`);
    list.push(await put(bytes, 1), bytes.length);
  }
  const address = await put(new Uint8Array(Uint32Array.from(list).buffer), 4);
  await child.call('ruby-init: func(args: list<string>) -> ()', address, ARGUMENTS.length);
  const code = encoder.encode(wrapped(script));
  await child.call(
    'rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>',
    await put(code, 1),
    code.length,
  );
}

/** The script as a program of its own: it ends the process, with the status that `ruby script.rb` would have. */
function wrapped(script: string): string {
  const literal = `'${script.replace(/[\\']/g, '\\$&')}'`;
  return `
status = 0
begin
  eval(${literal}, TOPLEVEL_BINDING, 'script.rb', 1)
rescue SystemExit => error
  status = error.status
rescue Exception => error
  $stderr.puts error.full_message(highlight: false)
  status = 1
end
$stdout.flush
$stderr.flush
exit!(status)`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: 'string' },
      write: { type: 'boolean' },
      json: { type: 'boolean' },
      e: { type: 'string', short: 'e' },
    },
  });
  const script = values.e ?? (positionals[0] === undefined ? await text(process.stdin) : await readFile(positionals[0], 'utf8'));
  const rights = values.write ? (['read', 'write'] as const) : (['read'] as const);
  await using machine = await Machine.boot();
  const child = await ruby(machine, script, {
    directories: values.dir === undefined ? [] : [{ dir: values.dir, at: '/data', rights }],
    stdio: 'inherit',
  });
  const status: ExitStatus = await child.wait();
  if (values.json) console.error(JSON.stringify(status));
  else if (status.reason !== 'exit') console.error(`ruby ended by ${status.reason}: ${status.message}`);
  process.exitCode = status.code ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
