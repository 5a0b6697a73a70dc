import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OPSET } from '../io/onnx/schema.ts';
import { cardOf, onnxFile, safetensorsFile } from '../library/exported.ts';
import { writeFileAtomic } from '../node/files.ts';
import { type OpenedRun, openRun } from '../run/open-run.ts';
import { runFiles } from '../run/run-folder.ts';
import { counted } from '../tensor/counted.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { print, printJson } from './terminal.ts';

interface ExportOptions {
  readonly checkpoint: 'last' | 'best';
  readonly onnx?: string;
  readonly safetensors?: string;
  readonly json?: boolean;
}

export function runExport(place: string, given: ExportOptions): void {
  const targets = [given.onnx, given.safetensors].filter((file) => file !== undefined);
  if (targets.length === 0) {
    throw new UsageError('nothing to export: expected --onnx FILE, --safetensors FILE or both');
  }
  const run = openRun(place, given.checkpoint);
  requireHarmless(targets, run);
  const { onnx, safetensors } = given;
  const files = [
    ...(onnx === undefined ? [] : [{ path: onnx, format: 'onnx', file: onnxFile(run), opset: OPSET }]),
    ...(safetensors === undefined
      ? []
      : [{ path: safetensors, format: 'safetensors', file: safetensorsFile(run) }]),
  ].map(({ file: { chunks, bytes, tensors, numbers }, ...report }) => ({
    ...{ chunks, numbers },
    report: { ...report, bytes, tensors },
  }));
  for (const { chunks, report } of files) writeFileAtomic(report.path, chunks);

  const [{ numbers } = { numbers: 0 }] = files;
  const { model, channels, size, classNames } = cardOf(run);
  if (given.json) {
    const what = { checkpoint: run.path, model, channels, size, classes: classNames.length, numbers };
    printJson({ ...what, files: files.map(({ report }) => report) });
    return;
  }
  for (const { report } of files) {
    const format = report.format === 'onnx' ? `ONNX, opset ${OPSET}` : 'safetensors';
    print([
      `${report.path}: ${format}, ${formatBytes(report.bytes)}, ${counted(report.tensors, 'tensor')} of ` +
        `${counted(numbers, 'number')} (${model}, ${basename(run.path, '.safetensors')} checkpoint)`,
    ]);
  }
}

/**
 * @throws UsageError if two files have the same path, a file of the run would be overwritten, or a folder is
 * missing.
 */
function requireHarmless(targets: readonly string[], { folder, path }: OpenedRun): void {
  const real = (file: string) =>
    existsSync(file)
      ? realpathSync(file)
      : join(existsSync(dirname(file)) ? realpathSync(dirname(file)) : dirname(file), basename(file));
  const [first, second] = targets.map(real);
  if (first === second)
    throw new UsageError(`${targets[0]} is given for both files: use two different files`);
  const nowhere = targets.find((file) => !existsSync(dirname(file)));
  if (nowhere !== undefined)
    throw new UsageError(`${dirname(nowhere)} does not exist: create that folder first`);
  const own = [path, ...Object.values(runFiles(folder))].map(real);
  const clash = targets.find((file) => own.includes(real(file)));
  if (clash !== undefined) throw new UsageError(`${clash} belongs to the run: choose another file`);
}
