import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, naming, writeFileAtomic } from '../node/files.ts';

/** Writes an SVG and the same plot as PNG; if one fails, neither is kept. @returns their names. */
export async function writePicture(svgFile: string, svg: string): Promise<readonly [string, string]> {
  const { pngOf } = await import('../node/png.ts'); // Lazy: loading takes 0.5 s.
  const pngFile = svgFile.replace(/svg$/, 'png');
  const png = pngOf(svg);
  makeFolder(dirname(svgFile));
  for (const file of [svgFile, pngFile]) refuseFolder(file);
  writeFileAtomic(svgFile, svg);
  writeFileAtomic(pngFile, [png]);
  return [svgFile, pngFile];
}

function refuseFolder(file: string): void {
  if (!statSync(file, { throwIfNoEntry: false })?.isDirectory()) return;
  throw naming(file, Object.assign(new Error(`${file} is a folder`), { code: 'EISDIR' }));
}
