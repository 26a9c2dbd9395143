// The hostile process of paths-race.test.ts: swaps names in a directory as fast as it can until told to stop, then says how
// often it did.
import fs from 'node:fs';

const base = process.argv[2];
const inside = `${base}/inside`;
const swap = (name, link) => {
  fs.renameSync(`${inside}/${name}`, `${base}/kept`);
  fs.renameSync(`${base}/${link}`, `${inside}/${name}`);
  fs.renameSync(`${inside}/${name}`, `${base}/${link}`);
  fs.renameSync(`${base}/kept`, `${inside}/${name}`);
};

process.stdout.write('ready\n');
let swaps = 0;
while (!fs.existsSync(`${base}/stop`)) {
  // A directory and a file become links to outside and back; a directory deep inside moves out and back.
  swap('d', 'link-to-directory');
  swap('f', 'link-to-file');
  fs.renameSync(`${inside}/d/e`, `${base}/outside/e`);
  fs.renameSync(`${base}/outside/e`, `${inside}/d/e`);
  swaps += 3;
}
process.stdout.write(`${swaps}\n`);
