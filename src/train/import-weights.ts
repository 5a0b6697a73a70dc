import { stateOf } from '../compile.ts';
import { fixedNormalization, meansText, type NormalizationName } from '../data/transforms/normalize.ts';
import type { WeightsReport } from '../io/match-weights.ts';
import { renameWeights, sizesOf } from '../io/weight-names.ts';
import { initialNumbers } from '../model/initialize.ts';
import type { Model } from '../model/module.ts';
import { trace } from '../model/trace.ts';
import { imageSizeOf, type ModelOverrides, modelByName, unknownModel } from '../model/zoo.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { counted } from '../tensor/counted.ts';
import { elementCount } from '../tensor/shape.ts';
import { FORMAT, type LoadedCheckpoint, NUMERICS, type RunState } from './checkpoint.ts';
import { ConfigError, type RunConfig, runConfigSchema } from './config.ts';
import { NOTHING } from './metrics.ts';
import { withClasses } from './run-model.ts';
import { NOTES } from './settings/table.ts';
import { startedFrom, type WeightsSource, weightsFor } from './weights-source.ts';

/** Options for the network that weights are imported into. */
export interface ImportRequest extends Pick<ModelOverrides, 'channels' | 'classes'> {
  /** A zoo network by its name, or a network of modules. */
  readonly model: string | Model;
  /** Default: the file's, otherwise the network's own. */
  readonly size?: number | undefined;
  /** Default: the file's, otherwise none. */
  readonly normalize?: NormalizationName | undefined;
  /** Default: the file's, otherwise numbers. */
  readonly classNames?: readonly string[] | undefined;
  /** Source of the names, for messages. */
  readonly namesFile?: string | undefined;
  /** Seed for tensors that the file does not have. */
  readonly seed: number;
}

/** Weights as the checkpoint of a run that has not begun. */
export interface ImportedWeights {
  readonly checkpoint: LoadedCheckpoint;
  readonly model: Model;
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly report: WeightsReport;
  /** Notes about its images, one line each. */
  readonly remarks: readonly string[];
}

/** Images per evaluation batch. */
const BATCH = 32;

/** @throws WeightsError, ConfigError; DataError when ImageNet's normalisation does not fit the channels. */
export function importWeights(source: WeightsSource, request: ImportRequest): ImportedWeights {
  const size = sizeFor(request, source);
  const model = modelFor(request, size, source);
  const { state: wanted, initializers } = networkOf(model, size);
  const { state: found, report } = weightsFor(source, wanted, {
    model: model.name,
    newHead: request.classes !== undefined,
  });
  const { seed } = request;
  const state = new Map(
    [...wanted].map(([name, { shape }]) => {
      const anew = () => initialNumbers(seed, name, elementCount(shape), initializers.get(name)!);
      return [name, found.get(name) ?? anew()] as const;
    }),
  );
  const { channels } = model;
  const isOwn = typeof request.model !== 'string';
  const { classes } = model;
  if (request.classNames && request.classNames.length !== classes) {
    const { namesFile = '`classNames`' } = request;
    throw new ConfigError(
      `${namesFile} has ${counted(request.classNames.length, 'name')}, the network has ${counted(classes, 'class', 'classes')}: expected a name for each`,
    );
  }
  const classNames =
    request.classNames ?? (report.newHead.length === 0 ? source.images?.classNames : undefined);
  const { transforms, remarks } = imageTransforms(request.normalize, channels, source);
  const run = untrained(
    {
      ...{ model: model.name, classes, size, seed },
      ...(isOwn && { network: model }),
      ...(classNames?.length === classes && { classNames: [...classNames] }),
      ...(transforms && { transforms }),
    },
    source,
  );
  const stored = { state, shapes: new Map([...wanted].map(([name, { shape }]) => [name, shape])) };
  return { checkpoint: { run, ...stored, training: stored }, model, state: wanted, report, remarks };
}

function sizeFor({ model, size }: ImportRequest, { images }: WeightsSource): number {
  const known = size ?? images?.size;
  if (known !== undefined) return known;
  if (typeof model === 'string') {
    const usual = model === NOTES.model ? NOTES.size : imageSizeOf(model);
    if (usual !== undefined) return usual;
    throw new ConfigError(`\`model\` ${model}: ${unknownModel(model)}`, { setting: 'model' });
  }
  throw new ConfigError(
    `the image size of ${model.name} is unknown: give the height and width in pixels as \`size\``,
    { setting: 'size' },
  );
}

/** The model with the requested number of channels and classes, by default the file's. */
function modelFor(
  { model: given, channels, classes }: ImportRequest,
  size: number,
  source: WeightsSource,
): Model {
  if (typeof given !== 'string') return classes === undefined ? given : withClasses(given, classes);
  const asked = { ...(channels !== undefined && { channels }), ...(classes !== undefined && { classes }) };
  const usual = modelByName(given, asked);
  const { state } = networkOf(usual, size);
  const sizes = sizesOf(renameWeights(source.weights, state.keys(), source.source), state);
  return modelByName(given, { ...sizes, ...asked });
}

function networkOf(model: Model, size: number) {
  const { graph, initializers } = trace(model, 1, [size, size], 'evaluate');
  return { state: stateOf(graph), initializers };
}

/** Normalisation of images: as requested, as in the file, or none, with a remark. */
function imageTransforms(
  asked: ImportRequest['normalize'],
  channels: number,
  { images }: WeightsSource,
): Pick<RunConfig, 'transforms'> & { readonly remarks: readonly string[] } {
  if (asked === 'measured') {
    throw new ConfigError(
      '`normalize` measured requires images, and a weights file has none: expected none or imagenet',
    );
  }
  const known = images?.normalization?.mean.length === channels ? images.normalization : undefined;
  const remarks: string[] = [];
  if (asked === undefined && !images) {
    remarks.push(
      'note: the file does not say how its images were normalised, so they are not normalised: `normalize` imagenet does that',
    );
  }
  if (asked === undefined && known)
    remarks.push(`images are normalised as the file says: ${meansText(known)}`);
  const numbers = asked === undefined ? known : fixedNormalization(asked, channels);
  if (!numbers) return { remarks };
  const normalization = { mean: [...numbers.mean], std: [...numbers.std] };
  return { remarks, transforms: { augment: [], normalize: asked ?? 'measured', normalization } };
}

/** The state of a run that has not begun: its training settings are defaults, and it has no data. */
function untrained(
  network: Pick<RunConfig, 'model' | 'network' | 'classes' | 'size' | 'seed' | 'classNames' | 'transforms'>,
  source: WeightsSource,
): RunState {
  const { epochs, lr, precision } = NOTES;
  const begun = { startedFrom: startedFrom(source) };
  const config = { recipe: 'notes', ...network, batch: BATCH, epochs, lr, precision, ...begun };
  return {
    format: FORMAT,
    numerics: NUMERICS,
    config: runConfigSchema.parse(config),
    engine: 'none',
    isa: 'none',
    progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
    history: [],
  };
}
