import type { Dataset, Labels } from '../data/dataset.ts';
import { Loader, type LoaderOptions } from '../data/loader.ts';
import type { Outputs, Session } from '../engine/engine.ts';
import { addBatch, NOTHING, type Sums } from './metrics.ts';
import { programName } from './programs.ts';

export interface EvaluateOptions extends LoaderOptions {
  /**
   * Called for each batch: the index of its first image, the labels, the logits [size, classes], and all outputs of the
   * program.
   */
  readonly onBatch?: (
    first: number,
    labels: Labels,
    logits: Float32Array | Float64Array,
    outputs: Outputs,
  ) => void;
}

/**
 * Loss and number of correct predictions of a network on a data set, with its running statistics. The next batch is
 * loaded meanwhile.
 * @throws the signal's reason, between two batches.
 */
export async function evaluate(
  session: Session,
  dataset: Dataset,
  options: EvaluateOptions,
  onProgress: (done: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Sums> {
  const loader = new Loader(dataset, options);
  const order = loader.order();
  let sums = NOTHING;
  let next = loader.batch(order, 0);
  for (let i = 0; i < loader.batches; i++) {
    signal?.throwIfAborted();
    const { size, images, labels } = next;
    const running = session.run(programName('evaluate', size), { images, labels });
    let outputs: Outputs;
    try {
      if (i + 1 < loader.batches) next = loader.batch(order, i + 1);
    } finally {
      outputs = await running;
    }
    sums = addBatch(sums, outputs.get('loss')![0]!, outputs.get('correct')![0]!, size);
    if (options.onBatch) {
      const first = i * options.batch;
      options.onBatch(first, dataset.labels.subarray(first, first + size), outputs.get('logits')!, outputs);
    }
    onProgress(i + 1, loader.batches);
  }
  return sums;
}
