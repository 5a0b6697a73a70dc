import type { DataProgress } from '../data/progress.ts';
import { assertNever } from '../tensor/assert-never.ts';
import { counted } from '../tensor/counted.ts';
import { describeRecipe, type RunConfig } from '../train/config.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import { stepParts } from '../train/programs.ts';
import { flagOf } from '../train/settings/table.ts';
import { inFlags } from './errors.ts';
import { formatBytes, formatCount, formatDuration, formatRate, formatTable } from './format.ts';
import { type Field, openStatusLine, type StatusLine } from './status-line.ts';
import { say } from './terminal.ts';

const LINE_EVERY_MS = 10_000;
type StepEvent = Extract<TrainEvent, { kind: 'step' }>;

/** An additional text for a step. */
type Remark = (event: StepEvent) => string | undefined;

/** Displays a training run on stderr: a progress bar on a terminal, otherwise plain lines. */
export function showTraining(remark: Remark = () => undefined): TrainListener {
  return process.stderr.isTTY ? trainingBar(remark) : trainingLines(remark);
}

function trainingLines(remark: Remark): TrainListener {
  let epochs = 0;
  let lineAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.kind === 'start') epochs = event.epochs;
    const lines = linesOf(event, epochs);
    if (lines.length > 0) return say(lines);
    if (event.kind !== 'step' && event.kind !== 'evaluating') return;
    const isLastStep = event.kind === 'step' && event.step === event.stepsPerEpoch;
    if (!isLastStep && performance.now() - lineAt <= LINE_EVERY_MS) return;
    lineAt = performance.now();
    const now =
      event.kind === 'step'
        ? `step ${event.step}/${event.stepsPerEpoch}  ${stepFields(event, remark)
            .map(({ text }) => text)
            .join('  ')}`
        : testText(event.done, event.total);
    say(`epoch ${event.epoch + 1}/${epochs} ${now}`);
  };
}

/** Displays the progress of an evaluation on stderr at intervals. */
export function showTesting(): (done: number, total: number) => void {
  let lineAt = performance.now();
  return (done, total) => {
    if (performance.now() - lineAt <= LINE_EVERY_MS) return;
    lineAt = performance.now();
    say(testText(done, total));
  };
}

function testText(done: number, total: number): string {
  return `testing, batch ${done}/${total}`;
}

function trainingBar(remark: Remark): TrainListener {
  let epochs = 0;
  let fields: readonly Field[] = [];
  let status: StatusLine | undefined;
  const show = (done: number, total: number, now: readonly Field[]) => {
    fields = now;
    status ??= openStatusLine(done, total, () => fields);
    status.update(done, total);
  };
  return (event) => {
    if (event.kind === 'start') epochs = event.epochs;
    if (event.kind === 'step') {
      const { step, stepsPerEpoch } = event;
      const steps = `${step}/${stepsPerEpoch}`;
      show(step, stepsPerEpoch, [
        { text: `epoch ${event.epoch + 1}/${epochs}`, worth: 1 },
        { share: step / stepsPerEpoch, worth: 5 },
        { text: `step ${steps}`, short: steps, worth: 1 },
        ...stepFields(event, remark),
      ]);
    } else if (event.kind === 'evaluating') {
      const { done, total } = event;
      show(done, total, [
        { text: `epoch ${event.epoch + 1}/${epochs}`, worth: 1 },
        { share: done / total, worth: 2 },
        { text: testText(done, total), worth: 1 },
      ]);
    }
    const lines = linesOf(event, epochs);
    if (lines.length === 0 && event.kind !== 'stopped') return;
    status?.close();
    status = undefined;
    if (lines.length > 0) say(lines);
  };
}

/** The fields of a step's status line, with priorities for narrow terminals. */
function stepFields(event: StepEvent, remark: Remark): readonly { text: string; worth: number }[] {
  const said = remark(event);
  return [
    { text: `loss ${event.trainLoss.toFixed(3)}`, worth: 1 },
    { text: `train acc ${event.trainAccuracy.toFixed(3)}`, worth: 2 },
    { text: `lr ${formatRate(event.learningRate)}`, worth: 6 },
    { text: `${event.examplesPerSecond.toFixed(1)} examples/s`, worth: 4 },
    { text: `ETA ${formatDuration(event.etaMs)}`, worth: 1 },
    ...(event.rssBytes === undefined ? [] : [{ text: formatBytes(event.rssBytes), worth: 7 }]),
    ...(said === undefined ? [] : [{ text: said, worth: 3 }]),
  ];
}

/** The lines that an event prints on any output. */
function linesOf(event: TrainEvent, epochs: number): readonly string[] {
  switch (event.kind) {
    case 'start': {
      const resumed =
        event.resumedAtStep > 0 ? `, resumed after step ${formatCount(event.resumedAtStep)}` : '';
      return [
        `${event.model}: ${counted(event.parameters, 'parameter')}, ${counted(event.trainImages, 'image')}, ` +
          `${counted(event.epochs, 'epoch')} of ${counted(event.stepsPerEpoch, 'step')}, ` +
          `${event.engine} ${event.isa} on ${counted(event.threads, 'thread')}, ${formatBytes(event.plannedPeakBytes)} planned${resumed}`,
        describeRecipe(event.config),
        ...describeParts(event.config),
        ...describeChoices(event.config),
      ];
    }
    case 'epoch':
      return [
        `epoch ${event.epoch + 1}/${epochs}: loss ${event.trainLoss.toFixed(3)}, train acc ${event.trainAccuracy.toFixed(3)}, ` +
          `${judged(event)}, ${formatDuration(event.durationMs)}`,
      ];
    case 'stopped':
      return event.reason === 'nonFinite' ? [] : [event.message];
    case 'step':
    case 'data':
    case 'point':
    case 'evaluating':
    case 'scores':
    case 'tensors':
    case 'plan':
    case 'profile':
    case 'checkpoint':
    case 'end':
      return [];
    default:
      return assertNever(event);
  }
}

/** Explains micro-batches; empty without them. */
function describeParts({ batch, microBatch }: RunConfig): readonly string[] {
  const sizes = new Set(stepParts(batch, microBatch).map(({ images }) => images));
  if (sizes.has(batch)) return [];
  const seen = [...sizes].join(' or ');
  const images = seen === '1' ? 'image' : 'images';
  return [
    `micro-batches of ${seen} ${images}: batch norm statistics per micro-batch, gradients accumulated over ${batch} images`,
  ];
}

/** The settings that a recipe chose from the images, with reasons. */
function describeChoices(config: RunConfig): readonly string[] {
  const { recipe, reasons = {} } = config;
  const values = new Map<string, unknown>(Object.entries(config));
  const rows = Object.entries(reasons).map(([name, reason]) => [
    `  ${flagOf(name)} ${values.get(name) ?? 'none'}`,
    reason,
  ]);
  return rows.length === 0
    ? []
    : [`${recipe} chose these settings from the images:`, ...formatTable(rows, 2)];
}

function judged({ testAccuracy, validationAccuracy }: Extract<TrainEvent, { kind: 'epoch' }>): string {
  if (validationAccuracy !== undefined) return `validation acc ${validationAccuracy.toFixed(3)}`;
  return `test acc ${testAccuracy?.toFixed(3)}`;
}

/** Displays the source of data, and a progress bar for downloads. */
export function showData(): DataProgress {
  let shown: string | undefined;
  let status: StatusLine | undefined;
  return {
    note(text) {
      status?.close(); // After a failed download.
      say(inFlags(text));
    },
    images: showCount('reading images'),
    bytes(file, received, total) {
      if (!process.stderr.isTTY) {
        if (shown !== file) say(`downloading ${file} (${formatBytes(total)})`);
        shown = file;
        return;
      }
      if (shown !== file)
        status = openProgress(file, received, total, (done, of) => `${Math.floor((100 * done) / of)}%`);
      shown = file;
      status?.update(received, total);
      if (received >= total) status?.close();
    },
  };
}

/** Displays the progress of compiling kernels, which takes seconds on some graphics cards. */
export function showCompiling(): (done: number, total: number) => void {
  return showCount('compiling kernels');
}

/** Displays how many of all are done: a progress bar on a terminal, otherwise occasional lines. */
function showCount(title: string): (done: number, total: number) => void {
  let status: StatusLine | undefined;
  let lineAt = performance.now();
  return (done, total) => {
    if (process.stderr.isTTY) {
      status ??= openProgress(title, done, total, (now, of) => `${now}/${of}`);
      status.update(done, total);
      if (done < total) return;
      status.close();
      status = undefined;
    } else if (performance.now() - lineAt > LINE_EVERY_MS) {
      lineAt = performance.now();
      say(`${title}, ${formatCount(done)}/${formatCount(total)}`);
    }
  };
}

/** Opens a status line for one counter. */
function openProgress(
  title: string,
  begun: number,
  total: number,
  count: (done: number, total: number) => string,
): StatusLine {
  let [done, of] = [begun, total];
  const status = openStatusLine(begun, total, (etaMs) => [
    { text: title, worth: 1 },
    { share: done / of, worth: 2 },
    { text: count(done, of), worth: 1 },
    ...(etaMs === undefined ? [] : [{ text: `ETA ${formatDuration(etaMs)}`, worth: 1 }]),
  ]);
  return {
    update(now, all) {
      [done, of] = [now, all];
      status.update(now, all);
    },
    close: status.close,
  };
}
