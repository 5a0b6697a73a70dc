// What is on a picture: node predict.ts RUN IMAGE…
import { readFile } from 'node:fs/promises';
import { loadRun } from 'densor';

const [run = 'runs/photos', ...files] = process.argv.slice(2);
await using net = await loadRun(run);
for (const file of files) {
  const [best] = await net.predict(await readFile(file));
  console.log(file, best?.label, best?.probability.toFixed(3));
}
