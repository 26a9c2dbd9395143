// Real programs that nobody here wrote give what the host's own commands give, on the same files: standard output byte for
// byte, exit code, and the directory afterwards. Messages on standard error are not compared: they are worded otherwise.
//
// What these builds cannot do on any host, and is therefore left out: `sort` and `dd` (below), `touch -d` and `cp -p` (their
// libraries have no call that sets times), `mkdir -m` and most of `chmod` (only the bit for writing gets through), and texts
// such as the word total, for which they print the key of a message.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guest, host, sample, tree, words } from './userland.ts';

/** Command lines, one a line; `< NAME` at the end gives a file as standard input. */
const READING = `
wc text.txt
wc -c binary.bin
wc -m text.txt
wc -l < text.txt
wc -w long.txt
wc -L tabs.txt
wc missing.txt
sha256sum text.txt binary.bin empty.txt
sha256sum --tag text.txt
sha256sum missing.txt text.txt
sha1sum text.txt binary.bin
sha224sum text.txt
sha384sum text.txt
sha512sum text.txt binary.bin
md5sum text.txt binary.bin empty.txt
md5sum < binary.bin
b2sum text.txt
cksum text.txt binary.bin
sum text.txt binary.bin
sum -s text.txt
sed -n '/fox/p' text.txt
sed 's/fox/cat/g' text.txt
sed 's/fox/cat/g' < text.txt
sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/' text.txt
sed '1,5d' text.txt
sed -n '$=' text.txt
sed '/^$/d' blank.txt
sed -e 's/a/A/2' -e '10q' text.txt
sed 'y/abc/xyz/' text.txt
sed -n '5,10p;12p' text.txt
sed '3i\\inserted' blank.txt
sed '2a\\appended' blank.txt
sed '/one/c\\changed' blank.txt
sed ':a;N;$!ba;s/\\n/ /g' blank.txt
sed '$!N;P;D' repeats.txt
sed -s -n '1p' text.txt numbers.txt
sed 's/[0-9]*$/<&>/' table.csv
sed -n l tabs.txt
sed = blank.txt
sed 's/the/THE/I' text.txt
awk '{print $1}' text.txt
awk 'END{print NR}' text.txt
awk -F, '{s+=$3} END{print s, s/NR}' table.csv
awk '{print NF, length($0)}' text.txt
awk 'NR%50==0' text.txt
awk '/fox/{print FILENAME, FNR}' text.txt sub/one.txt
awk '{ $2="X"; print }' text.txt
awk 'BEGIN{printf "%5.2f|%-8s|%x\\n", 3.14159, "ab", 255}'
awk '{gsub(/o/,"0"); print toupper($0)}' text.txt
awk 'BEGIN{n=split("a:b:c",x,":"); print n, x[1], x[3]; print substr("hello",2,3), index("hello","l"), match("foobar",/o+/), RSTART, RLENGTH}'
awk -v x=5 'BEGIN{while(x-->0) print x}'
awk '{a[NR]=$0} END{for(i=NR;i>0;i--) print a[i]}' text.txt
awk 'BEGIN{exit 3}'
awk 'function f(n){return n<2?n:f(n-1)+f(n-2)} BEGIN{print f(20)}'
awk 'BEGIN{while((getline l < "sub/two.txt")>0) print "got", l}'
awk 'BEGIN{print ENVIRON["TZ"], 1e6, 0.1+0.2, int(-3.7), 7%3, 2^10}'
tail text.txt
tail -n 3 text.txt
tail -n +390 text.txt
tail -c 100 text.txt
tail -c +3500 text.txt
tail -q -n 1 text.txt numbers.txt
tail -n 2 text.txt numbers.txt table.csv
tail -n 5 unfinished.txt
tail -n 2 < text.txt
tail missing.txt
head text.txt
head -n 3 text.txt
head -n -390 text.txt
head -c 100 binary.bin
head -c -2900 binary.bin
head -n 2 text.txt numbers.txt
head -n 0 text.txt
head missing.txt
cut -d , -f 2 table.csv
cut -d , -f 1,3- table.csv
cut -c 2-6 text.txt
cut -b 1,3,5 text.txt
cut -d , -f 2 --complement table.csv
cut -s -d ' ' -f 3 text.txt
cut -d , -f 1,4 --output-delimiter ' | ' table.csv
tr a-z A-Z < text.txt
tr -d aeiou < text.txt
tr -s ' o' < text.txt
tr -c 'a-z\\n' . < table.csv
tr -cd '0-9\\n' < table.csv
tr '[:lower:]' '[:upper:]' < text.txt
uniq repeats.txt
uniq -c repeats.txt
uniq -d repeats.txt
uniq -D repeats.txt
uniq -u text.txt
uniq -f 1 sorted1.txt
uniq -w 4 sorted1.txt
paste sorted1.txt sorted2.txt
paste -d , numbers.txt table.csv
paste -s numbers.txt
paste - - - < numbers.txt
comm sorted1.txt sorted2.txt
comm -12 sorted1.txt sorted1.txt
comm -3 sorted1.txt sorted2.txt
comm missing.txt sorted1.txt
join sorted1.txt sorted2.txt
join -v 1 sorted1.txt sorted2.txt
join -a 2 -o 0,1.2,2.2 -e none sorted1.txt sorted2.txt
base64 binary.bin
base64 -w 0 binary.bin
base32 binary.bin
basenc --base16 binary.bin
basenc --base64url binary.bin
seq 10
seq 5 -2 -9
seq -w 1 3 100
seq -s , 0 0.5 4
seq -f '%.3f' 1 0.25 2
tac text.txt
tac -s , table.csv
tac unfinished.txt
nl text.txt
nl -b a blank.txt
nl -w 3 -s ': ' -n rz text.txt
fold -w 20 long.txt
fold -s -w 30 long.txt
fold -b -w 7 text.txt
expand tabs.txt
expand -t 4 tabs.txt
expand -i tabs.txt
unexpand -a tabs.txt
od binary.bin
od -An -tx1 binary.bin
od -c text.txt
od -A d -t d2 -N 64 -j 10 binary.bin
od -tx4 -v binary.bin
cat text.txt binary.bin
cat - text.txt < edges.txt
cat -n blank.txt
cat -A tabs.txt
cat -s blank.txt
cat -b blank.txt unfinished.txt
cat -v binary.bin
cat missing.txt text.txt
rev text.txt
tsort edges.txt
ptx -G edges.txt
column -t edges.txt
strings binary.bin
expr 6 '*' 7
expr 1 '>' 2
factor 12 97 1001 4294967297
numfmt --to=iec 1024 1048576 1500
numfmt --from=si 1K 2M
printf '%s|%5d|%x|%.3f\\n' abc 42 255 3.14159
printf '%b' 'a\\tb\\n'
echo hello world
echo -n hello
basename /a/b/c.txt .txt
basename -a /x/y /z
dirname /a/b/c.txt x
true
false
test -f text.txt
test -d text.txt
test -L link.txt
test -s empty.txt
test -e missing.txt
test 3 -lt 5
test abc = abd
readlink link.txt
readlink text.txt
readlink dangling sub/up.txt
realpath --relative-to=. sub/../text.txt
realpath -m --relative-to=sub sub/deep/x
stat -c '%s %n %F' text.txt sub link.txt binary.bin dangling
stat -c '%Y %y' text.txt
stat -c '%a %i %h' text.txt sub/one.txt
stat -L -c '%s %F' link.txt
stat missing.txt
date -u -d @1000000000
date -u -d @0 '+%Y-%m-%dT%H:%M:%S %j %U %a %b'
date -u -d @1234567890 +%s
date -d @1709210096 '+%A %d %B %Y %H:%M:%S.%N %Z %z'
date -d @1709210096 '+%c|%x|%X|%r|%D|%T|%G-W%V-%u'
date -u -d '2024-02-29 12:34:56' +%F
date -u -r text.txt +%s
date -u -R -d @86399
date -u --iso-8601=seconds -d @1700000000
date -u -d '2024-01-31 +1 month' +%F
ls
ls -A sub/deep
ls -a sub
ls -R
ls -r
ls -S sub
ls -t
ls -rt sub
ls -d sub
ls -F sub
ls -p sub
ls -m
ls missing.txt
ls -1 sub text.txt
grep fox text.txt
grep -c fox text.txt
grep -n fox text.txt sub/one.txt
grep -v fox text.txt
grep -i FOX text.txt
grep -E 'fox|dog' text.txt
grep -w a text.txt
grep -x fox text.txt
grep -l fox text.txt numbers.txt
grep -q fox text.txt
grep -q zebra text.txt
grep -m 2 fox text.txt
grep '^[a-c].*e$' text.txt
egrep '^(a|b)' text.txt
fgrep . table.csv
printenv TZ
`;

const WRITING = `
cp text.txt copy.txt
cp -r sub copied
cp text.txt numbers.txt sub
cp -n text.txt numbers.txt
cp -P link.txt link2.txt
cp -L link.txt copy.txt
cp -d dangling d2
cp link.txt copy.txt
cp missing.txt copy.txt
cp sub copied
cp -l text.txt hard.txt
cp -s text.txt soft.txt
cp -f text.txt sub/one.txt
cp -b text.txt numbers.txt
cp --parents sub/deep/three.md sub/deep
cp -t sub text.txt
cp binary.bin empty.txt
mv text.txt moved.txt
mv text.txt numbers.txt
mv sub moved
mv text.txt numbers.txt sub
mv -n text.txt numbers.txt
mv link.txt sub/link.txt
mv missing.txt x
mv -b text.txt numbers.txt
mv sub/deep .
mv -t sub text.txt
mv dangling d2
rm text.txt
rm -r sub
rm -rf sub missing.txt
rm sub
rm missing.txt
rm -f missing.txt
rm link.txt dangling
rm -d sub
rmdir sub
rmdir -p sub/deep
mkdir new
mkdir -p a/b/c
mkdir sub
mkdir -p sub/deep/x
mkdir missing/x
ln text.txt hard.txt
ln -s text.txt soft.txt
ln -sf numbers.txt link.txt
ln -s ../text.txt sub/t.txt
ln text.txt numbers.txt
ln -f text.txt numbers.txt
ln -sr text.txt sub/rel.txt
ln sub hardsub
link text.txt hard.txt
unlink text.txt
unlink link.txt
unlink sub
unlink missing.txt
touch new.txt
touch -c missing.txt
truncate -s 100 text.txt
truncate -s 0 text.txt
truncate -s +10 text.txt
truncate -s 10K new.txt
truncate -c -s 5 missing.txt
truncate -r numbers.txt text.txt
sed -i.bak 's/fox/cat/' sub/one.txt sub/two.txt
sed -n 'w sed.out' sub/two.txt
split -l 100 text.txt part-
split -b 1000 binary.bin bin-
split -n 4 text.txt n-
split -d -a 3 -l 150 text.txt d-
tee tee.out < text.txt
tee -a sub/one.txt < edges.txt
awk '{print > ("awk-" NF ".out")}' edges.txt
uniq repeats.txt uniq.out
`;

const made: string[] = [];
function fresh(): string {
  const directory = sample();
  made.push(directory);
  return directory;
}
afterAll(() => {
  for (const directory of made) fs.rmSync(directory, { recursive: true });
});

/** A line without its `< NAME`, and that file. */
function redirected(line: string, cwd: string) {
  const [, command = line, name] = /^(.*) < (\S+)$/.exec(line) ?? [];
  return { command, work: { cwd, input: name === undefined ? '' : fs.readFileSync(path.join(cwd, name)) } };
}

function byCommand(lines: string): [string, string[]][] {
  const all = lines.trim().split('\n');
  return [...Map.groupBy(all, (line) => words(line)[0]!)];
}

describe('commands that read', () => {
  let shared = '';
  beforeAll(() => {
    shared = fresh();
  });

  test.each(byCommand(READING))('%s', async (_command, lines) => {
    for (const line of lines) {
      const { command, work } = redirected(line, shared);
      const ours = await guest(command, { ...work, rights: ['read'] });
      const theirs = host(command, work);
      if (theirs === undefined) throw new Error(`this host has no ${words(line)[0]} to compare with`);
      expect({ line, stdout: ours.stdout, code: ours.code }).toEqual({ line, stdout: theirs.stdout, code: theirs.code });
    }
  });
});

describe('a file of megabytes', () => {
  const MEGABYTES = 3;
  let cwd = '';
  beforeAll(() => {
    cwd = fresh();
    const text = fs.readFileSync(path.join(cwd, 'text.txt'));
    fs.writeFileSync(path.join(cwd, 'big.txt'), Buffer.concat(Array(Math.ceil((MEGABYTES * 2 ** 20) / text.length)).fill(text)));
  });

  test.each([
    'cat big.txt',
    'cat < big.txt',
    'tr a-z A-Z < big.txt',
    'sha256sum big.txt',
    'sha256sum < big.txt',
    'wc < big.txt',
    'tac big.txt',
    'tail -n 3 big.txt',
    'tail -c 2000000 big.txt',
    'head -n 1 < big.txt',
    'head -c 1000000 big.txt',
    'sed s/a/b/ big.txt',
    'grep -c fox < big.txt',
    "awk '{ n += NF } END { print n }' big.txt",
    'cp big.txt copy.txt',
    'split -b 1000000 big.txt part-',
  ])('%s', async (line) => {
    const { command, work } = redirected(line, cwd);
    const got = await guest(command, work);
    const mine = tree(cwd).join('\n');
    const want = host(command, work);
    expect(got.stderr).toBe('');
    expect(got.code).toBe(want?.code);
    // Not toEqual: what it shows of megabytes that differ helps nobody.
    expect(got.stdout === want?.stdout).toBe(true);
    expect(mine === tree(cwd).join('\n')).toBe(true);
  });
});

describe('commands that write', () => {
  test.each(byCommand(WRITING))('%s', async (_command, lines) => {
    for (const line of lines) {
      const ours = redirected(line, fresh());
      const theirs = redirected(line, fresh());
      const got = await guest(ours.command, ours.work);
      const want = host(theirs.command, theirs.work);
      expect({ line, stdout: got.stdout, code: got.code }).toEqual({ line, stdout: want?.stdout, code: want?.code });
      expect([line, ...tree(ours.work.cwd, { links: true })]).toEqual([line, ...tree(theirs.work.cwd, { links: true })]);
    }
  });

  test('rename and read keep times as the host does', async () => {
    const ours = fresh();
    const theirs = fresh();
    for (const line of ['mv text.txt moved.txt', 'cat numbers.txt']) {
      await guest(line, { cwd: ours });
      host(line, { cwd: theirs });
    }
    expect(tree(ours, { times: true })).toEqual(tree(theirs, { times: true }));
  });
});

describe('where the system says no', () => {
  test.each(WRITING.trim().split('\n'))('%s changes nothing in a directory without the right to write', async (line) => {
    const { command, work } = redirected(line, fresh());
    const before = tree(work.cwd, { times: true, links: true });
    const { code } = await guest(command, { ...work, rights: ['read'] });
    expect(typeof code).toBe('number');
    expect(tree(work.cwd, { times: true, links: true })).toEqual(before);
  });

  test('rm -r of a directory elsewhere', async () => {
    const elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), 'superos-elsewhere-'));
    fs.writeFileSync(path.join(elsewhere, 'kept'), '');
    expect((await guest(`rm -r ${elsewhere}`, { cwd: fresh() })).code).not.toBe(0);
    expect(fs.readdirSync(elsewhere)).toEqual(['kept']);
    fs.rmSync(elsewhere, { recursive: true });
  });

  test.each([
    'cat /etc/passwd',
    'cat ../../etc/passwd',
    'cat sub/../../etc/passwd',
    'head /proc/self/environ',
    'sha256sum /etc/hostname',
    'rg root /etc',
    'cp /etc/passwd stolen',
    'cp text.txt /tmp/superos-planted',
    'mv text.txt ../moved',
    'ln -s /etc/passwd out',
    'mkdir ../made',
    'tee ../tee.out',
  ])('%s', async (line) => {
    const cwd = fresh();
    const before = tree(cwd);
    const { stdout, code } = await guest(line, { cwd, input: 'x' });
    expect(code).not.toBe(0);
    expect(stdout.replace('x', '')).toBe('');
    expect(tree(cwd)).toEqual(before);
    expect(fs.existsSync('/tmp/superos-planted')).toBe(false);
  });

  test('a link on the host that leads out is not followed', async () => {
    const cwd = fresh();
    fs.symlinkSync('/etc/hostname', path.join(cwd, 'out'));
    fs.symlinkSync('..', path.join(cwd, 'up'));
    for (const line of ['cat out', 'cat up/passwd', 'cp out copy', 'wc out', 'ls up/']) {
      expect([line, (await guest(line, { cwd })).code]).not.toEqual([line, 0]);
    }
    expect((await guest('readlink out', { cwd })).stdout).toBe('/etc/hostname\n');
  });

  test('a link that a program makes itself leads nowhere outside either', async () => {
    const cwd = fresh();
    expect((await guest('ln -s ../../etc/passwd out', { cwd })).code).toBe(0);
    expect((await guest('cat out', { cwd })).code).toBe(1);
  });

  test('a process has no environment but what it is given', async () => {
    expect(await guest('printenv HOME', { cwd: fresh() })).toMatchObject({ stdout: '', code: 1 });
    expect((await guest('printenv', { cwd: fresh(), env: { ONE: '1' } })).stdout).toBe('ONE=1\nPWD=/data\n');
  });
});

describe('ls -l', () => {
  // This build prints rwxrwxrwx, one link, somebody and somegroup itself, whatever the system says, and `ls-total` for the total.
  // Type, size, time, name and order are the system's.
  const columns = (output: string) =>
    output
      .split('\n')
      .filter((line) => line !== '' && !/^(ls-)?total/.test(line))
      .map((line) => /^(.)\S+ +\d+ +\S+ +\S+ +(\d+) (.*)$/.exec(line)?.slice(1) ?? line);

  test.each([
    'ls -la sub',
    'ls -l',
    'ls -ld sub',
    'ls -lA sub/deep',
    'ls -lR',
    'ls -lt sub',
    'ls -lrS sub',
    'ls -ln sub',
    'ls -lL link.txt',
  ])('%s', async (line) => {
    const cwd = fresh();
    const got = await guest(line, { cwd, rights: ['read'] });
    const want = host(line, { cwd })!;
    expect(got.code).toBe(want.code);
    expect(columns(got.stdout)).toEqual(columns(want.stdout));
  });

  test('what is above the opened directory is not shown', async () => {
    const { stdout, stderr, code } = await guest('ls -la', { cwd: fresh() });
    expect(stdout).toContain(' text.txt\n');
    expect(stderr).not.toBe('');
    expect(code).toBe(1);
  });
});

describe('sort and dd', () => {
  // Both start a thread for their work, and the standard library that they are built with refuses that by itself, without
  // asking the system: they panic on every host of WASI preview 1.
  test.each(['sort text.txt', 'dd if=text.txt'])('%s ends where it needs a thread', async (line) => {
    const { stderr, code } = await guest(line, { cwd: fresh() });
    expect(stderr).toContain('failed to spawn thread');
    expect(code).toMatch(/^trap unreachable/);
  });

  test('sort fails as the host does where it needs none', async () => {
    const cwd = fresh();
    expect((await guest('sort missing.txt', { cwd })).code).toBe(host('sort missing.txt', { cwd })?.code);
  });
});
