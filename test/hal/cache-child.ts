// One of several processes that share a code cache: stores and finds the same entries again and again. Fails if it ever finds
// something that nobody stored.

import { DiskCache } from '../../src/hal/node/cache.ts';

const [directory, seed] = process.argv.slice(2);
const cache = new DiskCache({ directory: directory!, capacityBytes: 3_000_000 });
let found = 0;
for (let round = 0; round < 150; round++) {
  const key = (round * 7 + Number(seed)) % 5;
  const hash = cache.digest(Uint8Array.of(key));
  const bytes = new Uint8Array(500_000 + key).fill(key);
  cache.store({ hash, layout: `{"key":${key}}`, bytes }, 'v');
  cache.remember(`file ${key}`, 'v', hash);
  const other = (key + 1) % 5;
  const code = cache.findByIdentity(`file ${other}`, 'v');
  if (code === undefined) continue;
  found++;
  if (code.layout !== `{"key":${other}}` || code.bytes.length !== 500_000 + other || code.bytes.some((byte) => byte !== other)) {
    throw new Error(`entry ${other} is not what was stored`);
  }
}
const { reason } = cache.status();
if (reason !== undefined) throw new Error(reason);
console.log(found);
