// A user's program under a policy: it has one function of its host and one directory, and its host answers for what the policy
// leaves open.
import { fileURLToPath } from 'node:url';
import { Machine } from 'superos';

const at = (name: string) => fileURLToPath(new URL(name, import.meta.url));
await using machine = await Machine.boot();

const prices = new Map([[7, 42]]);
const price = machine.hostFunction('shop.price', { params: ['i32'], results: ['i32'] }, (_call, item) => prices.get(item) ?? 0);

const { stdout, status } = await machine
  .process(at('supervised.wat'))
  .capabilities([price, { dir: at('files'), at: '/files', rights: ['read'] }])
  .policy(at('supervised.yaml'), {
    notify: ({ program, call, facts }) => {
      console.log(`${program} asks for ${call} of ${facts.paths?.join(', ')}: no`);
      return false;
    },
  })
  .run();

process.stdout.write(stdout);
for (const { call, facts, count } of status.refused ?? [])
  console.log(`refused: ${call} of ${facts.paths?.join(', ')}, ${count} time`);
