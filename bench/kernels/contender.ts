import type { Engine } from '../../src/engine/engine.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import { uniform } from '../../src/tensor/random.ts';
import { answerLines } from '../common/answer.ts';
import { openContender } from '../common/engines.ts';
import { type Convolution, compileConvolution, type PassTimes, stepTimes } from './case.ts';

/**
 * A contender process of bench/kernels: Densor's convolutions. Reads a line, runs each convolution once, prints the
 * times of its passes. Arguments: name of the contender, the convolutions, the number of threads.
 */

const [name, text, threads] = process.argv.slice(2) as [string, string, string];
const convolutions = JSON.parse(text) as readonly Convolution[];

await answerLines(async () => {
  const engine = await openContender(name, Number(threads));
  const cases: { readonly inference: Measured; readonly step: Measured }[] = [];
  for (const of of convolutions) {
    cases.push({ inference: await open(engine, of, 'inference'), step: await open(engine, of, 'step') });
  }
  return async (): Promise<readonly PassTimes[]> => {
    const times: PassTimes[] = [];
    for (const { inference, step } of cases) {
      const [only] = await measure(inference);
      times.push({ inference: only!, ...stepTimes(step.kinds, await measure(step)) });
    }
    return times;
  };
});

type Measured = Awaited<ReturnType<typeof open>>;

/** A session with a single convolution, and its inputs. */
async function open(engine: Engine, of: Convolution, what: 'inference' | 'step') {
  const network = compileConvolution(of, what);
  const session = await engine.open(network);
  const { images, size, inChannels, outChannels, kernel } = of;
  session.write('weight', numbers(inChannels * outChannels * kernel ** 2));
  const pixels = images * size ** 2;
  const inputs = {
    x: numbers(pixels * inChannels),
    ...(what === 'step' && { seed: numbers(pixels * outChannels) }),
  };
  const kinds = kernelRecords(network.programs.get('it')!.plan.records).map(({ record }) => record.kind);
  return { session, inputs, kinds };
}

/**
 * The time of each record in ms. The first thread, which measures, may wake late. Therefore the difference between
 * the wall-clock time (after copying inputs) and the sum over records is distributed over the records.
 */
async function measure({ session, inputs }: Measured): Promise<Float64Array> {
  const running = session.profile!('it', inputs, { learningRate: 0 });
  const started = performance.now();
  const { durations: ms } = await running;
  const elapsed = performance.now() - started;
  const sum = ms.reduce((total, each) => total + each, 0);
  return ms.map((each) => each * Math.max(1, elapsed / sum));
}

function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => uniform(0, 1, i) - 0.5);
}
