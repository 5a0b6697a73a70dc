import { idx, json, names, tar } from './data-sets.ts';
import type { Format } from './format.ts';
import { pictures } from './pictures.ts';
import { checkpoint, oldPth, onnx, pth, safetensors } from './weights.ts';

type Open = (folder: string) => Format | Promise<Format>;

/** All untrusted file formats that Densor reads. */
const FORMATS = {
  safetensors,
  pth,
  'old-pth': oldPth,
  onnx,
  checkpoint,
  png: () => pictures('png'),
  jpeg: () => pictures('jpeg'),
  webp: () => pictures('webp'),
  gif: () => pictures('gif'),
  tiff: () => pictures('tiff'),
  idx,
  tar,
  json,
  names,
} as const satisfies Readonly<Record<string, Open>>;

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[];

/** Opens a format. @param folder for files of formats that are read from disk. */
export async function openFormat(name: FormatName, folder: string): Promise<Format> {
  return (FORMATS[name] as Open)(folder);
}
