// `superos policy learn`: runs a program, sees what calls it makes, and writes the least policy that lets it make them again.
import { decide } from '../../caps/policy/decide.ts';
import { permits } from '../../caps/policy/diff.ts';
import { learn, learnEntries, type Observation, together } from '../../caps/policy/learn.ts';
import type { ExitStatus } from '../../kernel/status.ts';
import { governed, permitted } from '../../machine/governed.ts';
import { covers, parseGrant } from '../../machine/grammar.ts';
import { type Grant, withStandard } from '../../machine/grants.ts';
import { layered } from '../../machine/policy.ts';
import { VOCABULARY } from '../../syscalls/vocabulary.ts';
import { complain, say } from '../error.ts';
import { readText } from '../file.ts';
import type { RunRequest } from '../options.ts';
import { parseRun } from '../parse.ts';
import { run } from '../run.ts';
import { type LearnFiles, learnOptions } from './files.ts';
import { load } from './load.ts';
import { addEntries } from './merge.ts';
import { checkNew, policyName, replace, writeNew } from './output.ts';
import { usedGrants } from './used.ts';
import { where } from './words.ts';

const BYTES_MAX = 2 ** 20;

/** The exit status is the program's; undefined where help is asked for. */
export async function learnPolicy(args: readonly string[]): Promise<number | undefined> {
  const files: LearnFiles = {};
  const request = parseRun(args, learnOptions(files));
  if (request.help) return undefined;
  // Before the program has run, and what it did is lost.
  if (files.output !== undefined) checkNew(files.output);
  // It is written to: a bare name is a file here.
  if (files.merge !== undefined && !/[./]/.test(files.merge)) files.merge = `./${files.merge}`;
  if (files.merge !== undefined) await load(files.merge);
  let seen: readonly Observation[] = [];
  let ended: ExitStatus | undefined;
  const status = await run(request, {
    configure: (process) => {
      // Standard output is the policy's, so that it can be sent to a file.
      if (files.output === undefined && files.merge === undefined) process.stdio('inherit', 'stderr', 'inherit');
      // Of the program and of all that it started.
      process.observe((observations) => {
        seen = together([...seen, ...observations]);
      });
    },
    ended: (found) => {
      ended = found;
    },
  });
  const text = await (files.merge === undefined ? fresh(request, seen, ended) : merged(files.merge, request, seen));
  await tellRefused(text, files.merge ?? files.output ?? 'learned', seen);
  if (files.output !== undefined) writeNew(files.output, text);
  else if (files.merge !== undefined) replace(files.merge, text);
  else say('stdout', text.trimEnd());
  return status;
}

/** What the program was given, by the command line and the policy that it ran under. */
async function given({ standard, grants, policies, policyAudit }: RunRequest): Promise<readonly Grant[]> {
  const all = standard ? withStandard(grants) : grants;
  if (policies.length === 0) return all;
  const policy = layered(await Promise.all(policies.map((name) => load(name))));
  const own = all.filter((one) => !grants.includes(one));
  const said = grants.length === 0 && standard ? undefined : [...(policyAudit ? own : permitted(policy, own)), ...grants];
  return governed(policy, { grants: said, environment: new Map(), limits: {} }, !policyAudit).grants;
}

async function fresh(request: RunRequest, seen: readonly Observation[], ended: ExitStatus | undefined): Promise<string> {
  return learn(seen, {
    name: policyName(request.program),
    origin: [request.program, ...request.args].join(' '),
    vocabulary: VOCABULARY,
    capabilities: usedGrants(await given(request), seen).map((text) => ({ text })),
    ...(ended !== undefined && { memoryPeak: ended.usage.memoryPeak }),
  });
}

/** What the policy refuses of what was seen is added to its list. What a denial or a policy that it extends refuses is told. */
async function merged(path: string, request: RunRequest, seen: readonly Observation[]): Promise<string> {
  const yaml = await import('yaml');
  const policy = await load(path);
  const own = policy.layers.at(-1)!;
  const lacking = seen.filter(({ call, facts }) => !permits(decide({ ...policy, layers: [own] }, call, facts)));
  let text = readText(path, BYTES_MAX);
  const added = addEntries(yaml, text, 'allowed_syscalls', learnEntries(lacking, VOCABULARY));
  if (added !== undefined) text = added;
  const granted = own.capabilities?.map((one) => parseGrant(one.text));
  if (granted !== undefined) {
    const more = usedGrants(await given(request), seen).filter((one) => !granted.some((wide) => covers(wide, parseGrant(one))));
    text =
      addEntries(
        yaml,
        text,
        'capabilities',
        more.map((call) => ({ call, when: [] })),
      ) ?? text;
  }
  return text;
}

/** Throws CommandError where what was learned is no policy: it may be more than one can hold. */
async function tellRefused(text: string, file: string, seen: readonly Observation[]): Promise<void> {
  const policy = await load({ text, file });
  const refused = new Set<string>();
  for (const { call, facts } of seen) {
    const verdict = decide(policy, call, facts);
    if (!permits(verdict)) refused.add(`${call} is still refused, by ${where(verdict.place)}`);
  }
  for (const message of refused) complain(message);
}
