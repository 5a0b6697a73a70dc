import { createInterface } from 'node:readline';
import { plannedPeakBytes } from '../src/plan/plan.ts';
import { openContender } from './engines.ts';
import { batchOf, compileStep, initialState } from './input.ts';
import type { StepCase } from './network.ts';

/** Densor's training step as a contender of bench/step.ts: reads a line, makes a step, answers with JSON. */

const [name, text] = process.argv.slice(2) as [string, string];
const step = JSON.parse(text) as StepCase;
const compiled = compileStep(step, name.endsWith(':bf16') ? 'bf16' : 'f32');
const { network } = compiled;
const engine = await openContender(name, step.threads);
const session = await engine.open(network);
for (const [tensor, numbers] of initialState(compiled)) session.write(tensor, numbers);
const { images, labels } = batchOf(step);
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
