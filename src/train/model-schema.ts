import { z } from 'zod';
import { INITIALIZATIONS } from '../model/initialize.ts';
import type { Model, Module } from '../model/module.ts';
import { imageSizeOf, modelByName } from '../model/zoo.ts';
import { counted } from '../tensor/counted.ts';

/** Limits for a network description from a file: far beyond any real network, and small enough to parse quickly. */
const [MOST_MODULES, MOST_DEPTH, MOST_NAME] = [20_000, 32, 200];
const count = z.int().positive().max(65_536);
const window = z.tuple([count, count]).readonly();
const padding = z.int().nonnegative().max(65_536);
const paddings = z.tuple([padding, padding]).readonly();
const blockSchema = z.strictObject({
  kind: z.enum(['stem', 'denseBlock', 'transition', 'residualStage']),
  index: z.int().positive().max(MOST_MODULES).exactOptional(),
});
const block = blockSchema.exactOptional();
const named = z
  .array(z.tuple([z.string().max(MOST_NAME), z.lazy((): z.ZodType<Module> => moduleSchema)]).readonly())
  .readonly();

const sequentialSchema = z.strictObject({ kind: z.literal('sequential'), block, children: named });
const moduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('conv2d'),
    outChannels: count,
    kernel: window,
    stride: window,
    padding: paddings,
    bias: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('batchNorm'),
    eps: z.number().positive(),
    momentum: z.number().min(0).max(1),
  }),
  z.strictObject({ kind: z.enum(['maxPool', 'avgPool']), kernel: window, stride: window, padding: paddings }),
  sequentialSchema,
  z.strictObject({
    kind: z.literal('denseBlock'),
    block,
    className: z.string().max(MOST_NAME).exactOptional(),
    layers: named,
  }),
  z.strictObject({ kind: z.literal('sum'), block, branches: named }),
  z.strictObject({ kind: z.literal('linear'), outFeatures: count, bias: z.boolean() }),
  z.strictObject({ kind: z.literal('dropout'), rate: z.number().min(0).lt(1) }),
  z.strictObject({ kind: z.enum(['relu', 'globalAvgPool', 'flatten', 'identity']) }),
]);

/** The description of a network of modules in a checkpoint: plain data, bounded in size and depth. */
export const modelSchema = z
  .unknown()
  .superRefine((value, context) => {
    const message = beyondBounds(value);
    if (message) context.addIssue({ code: 'custom', message, continue: false });
  })
  .pipe(
    z.strictObject({
      name: z.string().min(1).max(MOST_NAME),
      channels: z.int().positive().max(4096),
      classes: count,
      initialization: z.enum(INITIALIZATIONS).exactOptional(),
      root: sequentialSchema,
    }),
  ) as unknown as z.ZodType<Model, Model>;

/** Which limit a value exceeds, in words; checked without recursion, before the schema recurses. */
function beyondBounds(value: unknown): string | undefined {
  let level: readonly unknown[] = [value];
  let [objects, modules] = [0, 0];
  // A module is two levels below its parent: the list of children, and the pair of name and module.
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > 3 * MOST_DEPTH) return `modules are nested more than ${MOST_DEPTH} deep`;
    objects += level.length;
    modules += level.filter((each) => typeof each === 'object' && each !== null && 'kind' in each).length;
    // A convolution has three pairs of numbers, in addition to the pair of its name and itself.
    if (modules > MOST_MODULES || objects > 8 * MOST_MODULES)
      return `more than ${counted(MOST_MODULES, 'module')}`;
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null
        ? Object.values(each).filter((of) => typeof of === 'object')
        : [],
    );
  }
  return undefined;
}

/** Why a value is not the description of a network, in words; undefined if it is one. */
export function whyNoModel(value: unknown): string | undefined {
  const parsed = modelSchema.safeParse(value);
  if (parsed.success) return undefined;
  const issue = parsed.error.issues[0]!;
  const at = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const field = at.replace(/^\./, '');
  return field ? `${field}: ${issue.message}` : issue.message;
}

/** True if the zoo has exactly this network under its name: then the name is sufficient. */
export function isOfZoo({ name, channels, classes, ...rest }: Model): boolean {
  const known = imageSizeOf(name) === undefined ? undefined : modelByName(name, { channels, classes });
  return (
    known !== undefined && JSON.stringify(known) === JSON.stringify({ name, channels, classes, ...rest })
  );
}

/** True if two descriptions are of the same network, for any order of their fields. */
export function sameModel(a: Model | undefined, b: Model | undefined): boolean {
  // Parsing puts the fields in the order of the schema.
  const text = (model: Model | undefined) => model && JSON.stringify(modelSchema.parse(model));
  return text(a) === text(b);
}
