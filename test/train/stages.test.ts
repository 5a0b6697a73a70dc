import { describe, expect, test } from 'vitest';
import { IMAGENET_CLASSES } from '../../src/data/imagenet-classes.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { networkPeakBytes } from '../../src/plan/compiled-network.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { describeRecipe, runConfigSchema } from '../../src/train/config.ts';
import { fineTuningSize, settingsFrom } from '../../src/train/fine-tuning.ts';
import { resolveRecipe } from '../../src/train/recipes.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import { stageAt, stagesOf } from '../../src/train/stages.ts';
import { leastBytes } from '../support/least-bytes.ts';

const { augment: _, normalize: __, ...recipe } = resolveRecipe({ recipe: 'fine-tune' });
const config = runConfigSchema.parse({ ...recipe, classes: 3 });

describe('the recipe fine-tune', () => {
  const STEPS = 10;
  const stages = stagesOf(config, STEPS);
  const ratesOf = (stage: (typeof stages)[0]) =>
    Array.from({ length: stage.schedule.steps }, (_, step) => learningRateAt(stage.schedule, step));

  test('trains the classifier, then all at a smaller rate: one cycle each', () => {
    expect(stages.map(({ name, firstEpoch, firstStep }) => [name, firstEpoch, firstStep])).toEqual([
      ['head', 0, 0],
      ['whole', 3, 30],
    ]);
    const [head, whole] = stages.map(ratesOf);
    expect(head!.length + whole!.length).toBe(config.epochs * STEPS);
    for (const [rates, peak] of [
      [head!, config.headLr!],
      [whole!, config.lr],
    ] as const) {
      expect(Math.max(...rates)).toBeCloseTo(peak, 12);
      expect(rates.at(-1)).toBeLessThan(peak / 1000);
    }
    expect(config.lr).toBeLessThan(config.headLr!);
    expect([0, 2, 3, 7, 8].map((epoch) => stageAt(stages, epoch).name)).toEqual([
      'head',
      'head',
      'whole',
      'whole',
      'whole',
    ]);
    expect(describeRecipe(config)).toContain('the classifier alone for 3 epochs at lr 0.002');
  });

  test('has one stage without epochs for the classifier, and one rate for both by default', () => {
    const { headEpochs: _, headLr: __, ...plain } = config;
    expect(stagesOf(plain, STEPS)).toMatchObject([{ name: 'whole', firstStep: 0, schedule: { steps: 80 } }]);
    const both = stagesOf({ ...plain, headEpochs: 1 }, STEPS).map(({ schedule }) => schedule.peak);
    expect(both).toEqual([config.lr, config.lr]);
  });

  test.each([
    [{ epochs: 3 }, /`headEpochs` 3 leaves none of the 3 epochs.*`freeze` body/],
    [{ recipe: 'notes', headLr: 0.1 }, /`headLr` .* `headEpochs`/],
    [{ epochs: 4, warmup: 2 }, /warm-up of 2 epochs is longer than the shorter of its parts.* 1:/],
  ])('is refused where a stage has nothing to do: %j', (given, message) => {
    expect(() => resolveRecipe({ recipe: 'fine-tune', ...given })).toThrow(message);
  });

  test.each([
    ['densenet121', 480, 224],
    ['densenet121', 100.5, 101],
    ['resnet50', 28, 64],
    ['densenet-bc-10-4', 300, 32],
  ])('gives %s pictures of %d pixels the size %d', (model, side, size) => {
    expect(fineTuningSize(model, side)).toBe(size);
  });
});

describe('settings of a run from weights', () => {
  const network = { model: 'resnet50', size: 224 };
  const images = { size: 224, classNames: IMAGENET_CLASSES };

  test('from ImageNet weights are those of the recipe fine-tune by default', () => {
    expect(settingsFrom({ network, images }, { epochs: 9 })).toEqual({
      ...{ model: 'resnet50', recipe: 'fine-tune', epochs: 9 },
    });
    expect(settingsFrom({ network, images }, { recipe: 'quick' })).toEqual({
      model: 'resnet50',
      recipe: 'quick',
    });
  });

  test('of other weights are unchanged', () => {
    const classNames = IMAGENET_CLASSES.with(7, 'another');
    expect(settingsFrom({ network, images: { size: 9, classNames } }, { lr: 1 })).toEqual({
      ...network,
      lr: 1,
    });
    expect(settingsFrom({ images: { size: 9, classNames } }, { lr: 1 })).toEqual({ lr: 1 });
    expect(settingsFrom({}, {})).toEqual({});
  });
});

describe('a network with both stages', () => {
  const model = modelByName('densenet-bc-40-12', { classes: 3 })!;
  const small = { ...config, model: model.name, size: 32, batch: 12, ema: 0.9, microBatch: 6 };
  const images = { height: 32, width: 32, channels: 3, pixels: new Uint8Array(0), labels: new Uint8Array(0) };
  const set = (count: number) => ({ name: 'none', count, classNames: ['a', 'b', 'c'], ...images });
  const data = { train: set(20), test: set(12) };
  const compiled = (memory?: { readonly bytes: number; readonly threads: number }) =>
    compileRun(small, model, data, memory && { memory }).network;

  test('has programs of both, of which those of the first change only the head', () => {
    const { programs, state } = compiled();
    const names = [...programs.keys()];
    for (const name of names.filter((each) => !/^(head|evaluate)/.test(each))) {
      expect(names).toContain(`head ${name}`);
    }
    const changed = (program: string) => {
      const { graph } = programs.get(program)!;
      const nameOf = new Map([...graph.state].map(([name, id]) => [id, name]));
      return [...graph.updates.keys()].map((id) => nameOf.get(id)!);
    };
    const learns = (name: string) => !name.startsWith('grad.') && !name.startsWith('optimizer.average.');
    const [last] = names.filter((name) => /^head train .*last/.test(name));
    expect(
      changed(last!)
        .filter(learns)
        .map((name) => name.replace(/^optimizer\.\w+\./, '')),
    ).toEqual(
      Array.from({ length: 3 }, () => ['classifier.weight', 'classifier.bias'])
        .flat()
        .sort((a, b) => b.localeCompare(a)),
    );
    const [whole] = names.filter((name) => /^train .*last/.test(name));
    const parameters = [...state].filter(([, { role }]) => role === 'parameter').map(([name]) => name);
    expect(changed(whole!)).toEqual(expect.arrayContaining(parameters));
  });

  test('fits every budget that the whole stage fits', () => {
    const threads = 2;
    const bytes = leastBytes((budget) => compiled({ bytes: budget, threads }));
    expect(networkPeakBytes(compiled({ bytes, threads }), threads)).toBeLessThanOrEqual(bytes);
    expect(bytes).toBeLessThan(networkPeakBytes(compiled(), threads));
  });
});
