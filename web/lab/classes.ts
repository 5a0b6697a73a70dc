import type { PlacedFile } from 'densor/browser';
import { isImageName } from './image-name.ts';

/** Pictures of a class, in the order in which they came. */
export interface ImageClass {
  readonly name: string;
  readonly files: readonly Blob[];
}

/** A class with few pictures beside another with many: fewer than a third. */
const UNBALANCED = 3;

/** Classes by the folders that hold pictures; folders above them all are left out of the names. */
export function classesOf(files: readonly PlacedFile[]): readonly ImageClass[] {
  const classes = new Map<string, Blob[]>();
  for (const { path, file } of files) {
    if (!isImageName(path)) continue;
    const name = path.split('/').at(-2);
    if (name === undefined) continue;
    classes.set(name, [...(classes.get(name) ?? []), file]);
  }
  return [...classes].map(([name, all]) => ({ name, files: all })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The files of classes under names of their own: `cat/00001`. */
export function filesOf(classes: readonly ImageClass[]): readonly PlacedFile[] {
  return classes.flatMap(({ name, files }) =>
    files.map((file, i) => ({ path: `${folderName(name)}/${`${i + 1}`.padStart(5, '0')}.png`, file })),
  );
}

/** A name as a folder may have it. */
function folderName(name: string): string {
  return name.replaceAll('/', '_').replace(/^\.+/, '_').trim() || '_';
}

/** Adds classes to those that are there already, by name. */
export function joined(before: readonly ImageClass[], more: readonly ImageClass[]): readonly ImageClass[] {
  const all = new Map(before.map(({ name, files }) => [name, files]));
  for (const { name, files } of more) all.set(name, [...(all.get(name) ?? []), ...files]);
  return [...all].map(([name, files]) => ({ name, files }));
}

/** The smallest and the largest class, where they are very different. */
export function imbalanceOf(
  classes: readonly ImageClass[],
): { readonly least: ImageClass; readonly most: ImageClass } | undefined {
  const sorted = classes
    .filter(({ files }) => files.length > 0)
    .sort((a, b) => a.files.length - b.files.length);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most || most.files.length < UNBALANCED * least.files.length) return undefined;
  return { least, most };
}

export function canTrain(classes: readonly ImageClass[]): boolean {
  return classes.filter(({ files }) => files.length >= 2).length >= 2;
}
