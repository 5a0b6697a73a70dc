/** Vermilion speaks for a class, blue against it: two of Okabe and Ito's colours, which everyone can tell apart. */
export const FOR = [213, 94, 0] as const;
export const AGAINST = [0, 114, 178] as const;
/** The picture is still seen below the strongest colour. */
const MOST_ALPHA = 0.85;

/** The colour of a number of a map. @param most the largest size of any number. */
export function heatOf(value: number, most: number): string {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  return `rgba(${(value < 0 ? AGAINST : FOR).join(', ')}, ${(MOST_ALPHA * share).toFixed(3)})`;
}

/** A map of one class, and how it makes the logit of the class. */
export interface ClassMap {
  readonly width: number;
  readonly height: number;
  /** [height, width]. */
  readonly values: readonly number[];
  readonly mean: number;
  /** Where the map is highest, from 0. */
  readonly row: number;
  readonly column: number;
}

/** The map of class `index`. */
export function classMapOf(
  {
    width,
    height,
    channels,
    data,
  }: {
    readonly width: number;
    readonly height: number;
    readonly channels: number;
    readonly data: ArrayLike<number>;
  },
  index: number,
): ClassMap {
  const values = Array.from({ length: width * height }, (_, pixel) => data[pixel * channels + index]!);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = values.indexOf(Math.max(...values));
  return { width, height, values, mean, row: Math.floor(at / width), column: at % width };
}

/** The largest size of any number of the maps of all classes: with one scale, classes can be compared. */
export function mostOf(data: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(data[i]!));
  return most;
}
