import { createInterface } from 'node:readline';
import { compile } from '../src/compile.ts';
import { initialNumbers } from '../src/model/initialize.ts';
import { plannedPeakBytes } from '../src/plan/plan.ts';
import { elementCount } from '../src/tensor/shape.ts';
import { openContender } from './engines.ts';
import { networkOf, type StepCase } from './network.ts';

/** Densor's training step as a contender of bench/step.ts: reads a line, makes a step, answers with JSON. */

const [name, text] = process.argv.slice(2) as [string, string];
const step = JSON.parse(text) as StepCase;
const { size, batch } = step;
const { network, initializers } = compile(networkOf(step), [size, size], { train: { batch, mode: 'train' } });
const engine = await openContender(name, step.threads);
const session = await engine.open(network);
for (const [tensor, { shape }] of network.state) {
  session.write(tensor, initialNumbers(0, tensor, elementCount(shape), initializers.get(tensor)!));
}
const images = Float32Array.from({ length: batch * size * size }, Math.random);
const labels = Int32Array.from({ length: batch }, (_, i) => i % 10);
const planned = plannedPeakBytes([network.programs.get('train')!.plan], engine.threads);

for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  await session.run('train', { images, labels }, { learningRate: 0.01 });
  const ms = performance.now() - started;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  const loss = session.output('loss')[0];
  console.log(JSON.stringify({ ms, loss, peakRssBytes, plannedPeakBytes: planned }));
}
await engine.close();
