/** A run that is still to come, as far as its time depends on it. */
export interface RunCost {
  /** Of the configuration. */
  readonly name: string;
  /** Multiplications of an image, forward. */
  readonly macs: number;
  readonly epochs: number;
  readonly trainImages: number;
  readonly testImages: number;
}

/** Milliseconds of training an image, and what of: the pace of a configuration. */
export interface Pace {
  readonly msPerImage: number;
  readonly macs: number;
}

/** Testing an image is the forward pass alone, about a third of a training step. */
const TEST_SHARE = 1 / 3;

/**
 * Milliseconds that runs will take, by the pace of their configurations so far; of one that has not begun yet, by the
 * last that has and both's multiplications. Undefined before any has.
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
