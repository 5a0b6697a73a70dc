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

/** What weights become a network of. */
export interface ImportRequest extends Pick<ModelOverrides, 'channels' | 'classes'> {
  /** A network of the zoo by its name, or one of modules. */
  readonly model: string | Model;
  /** Default: the file's, else the network's own. */
  readonly size?: number | undefined;
  /** Default: as the file says, else none. */
  readonly normalize?: NormalizationName | undefined;
  /** Default: the file's, else numbers. */
  readonly classNames?: readonly string[] | undefined;
  /** Where the names are from, for messages. */
  readonly namesFile?: string | undefined;
  /** Of what the file does not have. */
  readonly seed: number;
}

/** Weights as the checkpoint of a run that has not begun. */
export interface ImportedWeights {
  readonly checkpoint: LoadedCheckpoint;
  readonly model: Model;
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly report: WeightsReport;
  /** What there is to say of its images, a line each. */
  readonly remarks: readonly string[];
}

/** Images at a time when the network is evaluated. */
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
    `nothing says how large the images of ${model.name} are: give the height and width in pixels as \`size\``,
    { setting: 'size' },
  );
}

/** The model with as many channels and classes as asked for, or else as the file has. */
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

/** How images are to be normalised: as is asked for, as the file says, or not at all, which is said. */
function imageTransforms(
  asked: ImportRequest['normalize'],
  channels: number,
  { images }: WeightsSource,
): Pick<RunConfig, 'transforms'> & { readonly remarks: readonly string[] } {
  if (asked === 'measured') {
    throw new ConfigError(
      '`normalize` measured is for images to measure, and weights bring none: expected none or imagenet',
    );
  }
  const known = images?.normalization?.mean.length === channels ? images.normalization : undefined;
  const remarks: string[] = [];
  if (asked === undefined && !images) {
    remarks.push(
      'note: nothing says how its images were normalised, so they will not be: `normalize` imagenet does',
    );
  }
  if (asked === undefined && known)
    remarks.push(`images are normalised as the file says: ${meansText(known)}`);
  const numbers = asked === undefined ? known : fixedNormalization(asked, channels);
  if (!numbers) return { remarks };
  const normalization = { mean: [...numbers.mean], std: [...numbers.std] };
  return { remarks, transforms: { augment: [], normalize: asked ?? 'measured', normalization } };
}

/** The state of a run that has not begun: what it says of training are defaults, and it knows of no data. */
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
