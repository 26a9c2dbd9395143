// What many processes of one large image take of the host's memory: what is theirs alone, and the page tables.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Subject } from './subject.ts';

export async function subjects(): Promise<Subject[]> {
  const round = () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'child/resident.ts')], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`child/resident.ts: ${stderr}`);
    const megabytes = Number(stdout);
    return Number.isNaN(megabytes) ? stdout.trim() : megabytes;
  };
  return [
    {
      name: 'resident: 1,000 processes, 100 MB image',
      unit: 'MB',
      rounds: 3,
      contenders: [{ name: 'superos', round }],
      target: { most: 200 },
    },
  ];
}
