import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { stateOf } from '../compile.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import type { Graph } from '../graph/op.ts';
import { cardMetadata, cardText, type ModelCard } from '../io/model-card.ts';
import { readOnnxWeights } from '../io/onnx/read.ts';
import { OPSET } from '../io/onnx/schema.ts';
import { encodeOnnx } from '../io/onnx/write.ts';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../io/safetensors.ts';
import { trace } from '../model/trace.ts';
import { writeFileAtomic } from '../node/files.ts';
import { loadRun } from '../run/open-run.ts';
import { runFiles } from '../run/run-folder.ts';
import { counted } from '../tensor/counted.ts';
import { requireFits } from '../train/checkpoint.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { commandOf, runArgument } from './options.ts';
import { print, printJson } from './terminal.ts';

interface ExportOptions {
  readonly checkpoint: 'last' | 'best';
  readonly onnx?: string;
  readonly safetensors?: string;
  readonly json?: boolean;
}

/** A trained network, ready to be written in any format. */
interface Trained {
  readonly card: ModelCard;
  readonly graph: Graph;
  /** float32, under PyTorch's names. */
  readonly tensors: ReadonlyMap<string, StoredTensor & { readonly data: Float32Array }>;
}

const file = z.string().min(1, 'expected a path');

export function exportCommand(): Command {
  return commandOf('export', {
    description: 'write a trained network for other programs',
    arguments: [runArgument()],
    own: {
      onnx: { schema: file, value: 'file', help: 'ONNX model to write', unset: 'none' },
      safetensors: {
        schema: file,
        value: 'file',
        help: "safetensors file to write: weights under PyTorch's names",
        unset: 'none',
      },
    },
    examples: [
      'export runs/best --onnx best.onnx',
      'export runs/best --checkpoint best --safetensors best.safetensors',
    ],
  }).action(runExport);
}

function runExport(place: string, given: ExportOptions): void {
  const targets = [given.onnx, given.safetensors].filter((file) => file !== undefined);
  if (targets.length === 0) {
    throw new UsageError('nothing to write: --onnx FILE, --safetensors FILE or both are expected');
  }
  const run = loadRun(place, given.checkpoint);
  requireHarmless(targets, run);
  const trained = openTrained(run);

  const onnx = given.onnx === undefined ? [] : [{ path: given.onnx, format: 'onnx', ...onnxFile(trained) }];
  const safetensors =
    given.safetensors === undefined
      ? []
      : [{ path: given.safetensors, format: 'safetensors', ...safetensorsFile(trained) }];
  const files = [...onnx, ...safetensors].map(({ chunks, ...file }) => {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    return { chunks, report: { ...file, bytes, tensors: trained.tensors.size } };
  });
  for (const { chunks, report } of files) writeFileAtomic(report.path, chunks);

  const { card, tensors } = trained;
  const numbers = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  if (given.json) {
    const { model, channels, size, classNames } = card;
    const what = { checkpoint: run.path, model, channels, size, classes: classNames.length, numbers };
    printJson({ ...what, files: files.map(({ report }) => report) });
    return;
  }
  for (const { report } of files) {
    const format = report.format === 'onnx' ? `ONNX, opset ${OPSET}` : 'safetensors';
    print([
      `${report.path}: ${format}, ${formatBytes(report.bytes)}, ${counted(report.tensors, 'tensor')} of ` +
        `${counted(numbers, 'number')} (${card.model}, ${basename(run.path, '.safetensors')} checkpoint)`,
    ]);
  }
}

/** @throws CheckpointError unless the checkpoint is the model's. */
function openTrained({ path, checkpoint, config, model, classNames }: ReturnType<typeof loadRun>): Trained {
  const { graph } = trace(model, 1, [config.size, config.size], 'evaluate');
  const state = stateOf(graph);
  requireFits(path, checkpoint, state);
  const tensors = new Map(
    [...state].map(([name, { shape }]) => {
      const numbers = checkpoint.state.get(name)!;
      return [name, { shape, data: numbers instanceof Float32Array ? numbers : Float32Array.from(numbers) }];
    }),
  );
  const { size, transforms } = config;
  const card = {
    model: config.model,
    channels: model.channels,
    size,
    classNames,
    isCropped: config.data !== undefined && imageFolderOf(config.data) !== undefined,
    ...(transforms?.normalization && { normalization: transforms.normalization }),
  };
  return { card, graph, tensors };
}

function onnxFile({ card, graph, tensors }: Trained) {
  const state = new Map([...tensors].map(([name, { data }]) => [name, data]));
  const metadata = cardMetadata(card);
  const chunks = encodeOnnx({ name: card.model, graph, state, metadata, docString: cardText(card) });
  requireSame(readOnnxWeights(Buffer.concat(chunks), 'the ONNX file').tensors, tensors);
  return { chunks, opset: OPSET };
}

/** `format: pt` is how PyTorch's own safetensors files call themselves. */
function safetensorsFile({ card, tensors }: Trained) {
  const metadata = new Map([['format', 'pt'], ...cardMetadata(card)]);
  const chunks = encodeSafetensors({ metadata, tensors });
  requireSame(decodeSafetensors(Buffer.concat(chunks), 'the safetensors file').tensors, tensors);
  return { chunks };
}

/** What is about to be written reads back as it was, to the bit. */
function requireSame(read: ReadonlyMap<string, StoredTensor>, written: Trained['tensors']): void {
  const isSame = ([name, { shape, data }]: readonly [string, StoredTensor]) => {
    const tensor = read.get(name);
    const bytes = (array: StoredTensor['data']) =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    return `${tensor?.shape}` === `${shape}` && bytes(tensor!.data).equals(bytes(data));
  };
  const wrong = [...written].find((entry) => !isSame(entry));
  if (wrong || read.size !== written.size) {
    throw new Error(
      `the file would not read back as it was (tensor ${wrong?.[0] ?? 'count'}): nothing was written`,
    );
  }
}

/** @throws UsageError when a file would take the place of another, or of the run's own, or has no place. */
function requireHarmless(targets: readonly string[], { folder, path }: ReturnType<typeof loadRun>): void {
  const real = (file: string) =>
    existsSync(file)
      ? realpathSync(file)
      : join(existsSync(dirname(file)) ? realpathSync(dirname(file)) : dirname(file), basename(file));
  const [first, second] = targets.map(real);
  if (first === second)
    throw new UsageError(`${targets[0]} is to be both files: give each a name of its own`);
  const nowhere = targets.find((file) => !existsSync(dirname(file)));
  if (nowhere !== undefined)
    throw new UsageError(`${dirname(nowhere)} does not exist: make that folder first`);
  const own = [path, ...Object.values(runFiles(folder))].map(real);
  const clash = targets.find((file) => own.includes(real(file)));
  if (clash !== undefined) throw new UsageError(`${clash} belongs to the run: choose another file`);
}
