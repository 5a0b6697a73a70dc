import { imagesOfCard } from '../io/model-card.ts';
import type { ZipReader } from '../io/torch/zip.ts';
import { decodeWeights } from '../io/weights.ts';
import { decodeCheckpoint, isCheckpoint } from './checkpoint.ts';
import { classNamesOf } from './trained.ts';
import type { WeightsSource } from './weights-source.ts';

/**
 * Reads weights of any known format.
 * @param source the file's name in messages. @param sha256 of the bytes.
 * @throws WeightsError, TorchFileError, SafetensorsError, OnnxError, CheckpointError
 */
export async function readWeightsSource(
  bytes: Uint8Array,
  source: string,
  sha256: string,
  zip: ZipReader,
): Promise<WeightsSource> {
  const weights = await decodeWeights(bytes, source, zip);
  const { metadata = new Map<string, string>() } = weights;
  if (!isCheckpoint(metadata)) return { source, sha256, weights, images: imagesOfCard(metadata) };
  const { run, state, shapes } = decodeCheckpoint(bytes, source);
  const tensors = new Map(
    [...state].map(([name, data]) => [
      name,
      { shape: shapes.get(name)!, read: () => Float32Array.from(data) },
    ]),
  );
  const { model, network, size, data, transforms } = run.config;
  // Imported weights know of no images, but for what was known of them.
  const isKnown = [data, transforms, run.config.classNames].some((known) => known !== undefined);
  const images = { size, classNames: classNamesOf(run.config), normalization: transforms?.normalization };
  return {
    ...{ source, sha256, network: { model, size, ...(network && { network }) } },
    ...(isKnown && { images }),
    weights: { format: 'checkpoint', tensors, notes: [] },
  };
}
