/** Properties of a run that has not started, for estimating its time. */
export interface RunCost {
  /** Name of the configuration. */
  readonly name: string;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
  readonly epochs: number;
  readonly trainImages: number;
  readonly testImages: number;
}

/** Measured training time per image in ms, with the configuration. */
export interface Pace {
  readonly msPerImage: number;
  readonly macs: number;
}

/** Time of evaluating an image relative to training on it: only the forward pass. */
const TEST_SHARE = 1 / 3;

/**
 * Estimated time of the runs in ms, from the measured paces of their configurations; for a configuration without
 * one, from the latest pace, scaled by multiply-adds. Undefined without any pace.
 */
export function timeLeft(runs: readonly RunCost[], paces: ReadonlyMap<string, Pace>): number | undefined {
  const latest = [...paces.values()].at(-1);
  if (!latest) return undefined;
  return runs.reduce((sum, { name, macs, epochs, trainImages, testImages }) => {
    const pace = paces.get(name) ?? latest;
    const msPerImage = (pace.msPerImage * macs) / pace.macs;
    return sum + epochs * (trainImages + TEST_SHARE * testImages) * msPerImage;
  }, 0);
}
