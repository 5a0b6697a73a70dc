// A network of one's own, trained on arrays; it travels with the run: node own-network.ts RUN
import { batchNorm, conv2d, fit, flatten, globalAvgPool, linear, loadRun, relu, sequential } from 'densor';

const [out = 'runs/own'] = process.argv.slice(2);
const [count, size] = [60, 8];
const labels = Array.from({ length: count }, (_, i) => (i % 2 ? 'bright' : 'dark'));
const images = Float32Array.from({ length: count * size * size }, (_, i) => {
  const isBright = Math.floor(i / (size * size)) % 2;
  return 0.6 * isBright + 0.4 * Math.abs(Math.sin(i * i));
});
const root = sequential([conv2d(8, 3), batchNorm(), relu(), globalAvgPool(), flatten(), linear(2)]);

const data = { images, shape: [count, size, size], labels };
const run = await fit({ name: 'tiny', channels: 1, classes: 2, root }, data, { epochs: 5, lr: 0.1 });
await run.save(out);
await run.close();

await using again = await loadRun(out);
const [best] = await again.predict({
  width: size,
  height: size,
  data: new Uint8Array(size * size).fill(250),
});
console.log(best?.label);
