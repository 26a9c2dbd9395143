// Writes policies/schema.json, with which editors complete and check policies: from the schema that policies are read with.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { policyLanguage } from '../src/caps/policy/language.ts';
import { VOCABULARY } from '../src/syscalls/vocabulary.ts';

const root = path.join(import.meta.dirname, '..');
const file = path.join(root, 'policies/schema.json');
const { jsonSchema } = await policyLanguage(VOCABULARY);
fs.writeFileSync(file, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
const { status } = spawnSync(path.join(root, 'node_modules/.bin/biome'), ['format', '--write', file], { stdio: 'inherit' });
process.exitCode = status ?? 1;
