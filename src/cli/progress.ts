import { SingleBar } from 'cli-progress';
import type { DataProgress } from '../data/progress.ts';
import { describeRecipe, type RunConfig } from '../train/config.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import { stepParts } from '../train/programs.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from './format.ts';

const LINE_EVERY_MS = 10_000;
type StepEvent = Extract<TrainEvent, { kind: 'step' }>;

/** What else there is to say of a step. */
type Remark = (event: StepEvent) => string | undefined;

/** Shows a training run on stderr: a bar on a terminal, plain lines elsewhere. */
export function showTraining(remark: Remark = () => undefined): TrainListener {
  return process.stderr.isTTY ? trainingBar(remark) : trainingLines(remark);
}

function trainingLines(remark: Remark): TrainListener {
  let epochs = 0;
  let lineAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.kind === 'start') epochs = event.epochs;
    const line = lineOf(event, epochs);
    if (line !== undefined) return say(line);
    if (event.kind !== 'step' && event.kind !== 'evaluating') return;
    const isLastStep = event.kind === 'step' && event.step === event.stepsPerEpoch;
    if (!isLastStep && performance.now() - lineAt <= LINE_EVERY_MS) return;
    lineAt = performance.now();
    const now =
      event.kind === 'step'
        ? `step ${event.step}/${event.stepsPerEpoch}  ${stepText(event, remark)}`
        : testText(event.done, event.total);
    say(`epoch ${event.epoch + 1}/${epochs} ${now}`);
  };
}

/** Shows on stderr, now and then, how far a test has come. */
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
  const bar = new SingleBar({
    format: 'epoch {epoch} [{bar}] {value}/{total}  {text}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: true,
    forceRedraw: true,
    stream: process.stderr,
  });
  let running = false;
  const close = () => {
    if (running) bar.stop();
    running = false;
  };
  return (event) => {
    if (event.kind === 'start') epochs = event.epochs;
    if (event.kind === 'step') {
      const epoch = `${event.epoch + 1}/${epochs}`;
      const payload = { epoch, text: stepText(event, remark) };
      if (!running) bar.start(event.stepsPerEpoch, event.step, payload);
      running = true;
      bar.update(event.step, payload);
    } else if (event.kind === 'evaluating') {
      const payload = { epoch: `${event.epoch + 1}/${epochs}`, text: testText(event.done, event.total) };
      if (!running) bar.start(event.total, event.done, payload); // Resumed in a test: no step came before.
      running = true;
      bar.update(payload);
    }
    const line = lineOf(event, epochs);
    if (line === undefined) return;
    close();
    say(line);
  };
}

function stepText(event: StepEvent, remark: Remark): string {
  return [
    `loss ${event.trainLoss.toFixed(3)}`,
    `train acc ${event.trainAccuracy.toFixed(3)}`,
    `lr ${formatRate(event.learningRate)}`,
    `${event.examplesPerSecond.toFixed(1)} examples/s`,
    `ETA ${formatDuration(event.etaMs)}`,
    formatBytes(event.rssBytes),
    remark(event),
  ]
    .filter((part) => part !== undefined)
    .join('  ');
}

/** What is worth a line of its own on any output. */
function lineOf(event: TrainEvent, epochs: number): string | undefined {
  switch (event.kind) {
    case 'start': {
      const resumed =
        event.resumedAtStep > 0 ? `, resumed after step ${formatCount(event.resumedAtStep)}` : '';
      return (
        `${event.model}: ${formatCount(event.parameters)} parameters, ${formatCount(event.trainImages)} images, ` +
        `${event.epochs} epochs of ${event.stepsPerEpoch} steps, ${event.engine} ${event.isa} on ${event.threads} ` +
        `${event.threads === 1 ? 'thread' : 'threads'}, ${formatBytes(event.plannedPeakBytes)} planned${resumed}\n` +
        describeRecipe(event.config) +
        describeParts(event.config)
      );
    }
    case 'epoch':
      return (
        `epoch ${event.epoch + 1}/${epochs}: loss ${event.trainLoss.toFixed(3)}, train acc ${event.trainAccuracy.toFixed(3)}, ` +
        `${judged(event)}, ${formatDuration(event.durationMs)}`
      );
    case 'stopped':
      return event.reason === 'nonFinite' ? undefined : event.message;
    default:
      return undefined;
  }
}

/** What a step in parts means; nothing where there is one. */
function describeParts({ batch, microBatch }: RunConfig): string {
  const sizes = new Set(stepParts(batch, microBatch).map(({ images }) => images));
  if (sizes.has(batch)) return '';
  const seen = [...sizes].join(' or ');
  return `\nmicro-batches: batch norm sees ${seen} images at a time, gradients are those of ${batch}`;
}

function judged({ testAccuracy, validationAccuracy }: Extract<TrainEvent, { kind: 'epoch' }>): string {
  if (validationAccuracy !== undefined) return `held-out acc ${validationAccuracy.toFixed(3)}`;
  return `test acc ${testAccuracy?.toFixed(3)}`;
}

/** Shows where data comes from, and a bar for downloads. */
export function showData(): DataProgress {
  let bar: SingleBar | undefined;
  let shown: string | undefined;
  return {
    note: say,
    images: showReading(),
    bytes(file, received, total) {
      if (!process.stderr.isTTY) {
        if (shown !== file) say(`downloading ${file} (${formatBytes(total)})`);
        shown = file;
        return;
      }
      if (shown !== file) {
        bar?.stop();
        bar = new SingleBar({
          format: `${file} [{bar}] {percentage}%  ETA {eta_formatted}`,
          stream: process.stderr,
        });
        bar.start(total, received);
        shown = file;
      }
      bar?.update(received);
      if (received >= total) bar?.stop();
    },
  };
}

/** How far the reading of image files has come: a bar on a terminal, a line now and then elsewhere. */
function showReading(): (done: number, total: number) => void {
  let bar: SingleBar | undefined;
  let lineAt = performance.now();
  return (done, total) => {
    if (process.stderr.isTTY) {
      bar ??= new SingleBar({
        format: 'reading images [{bar}] {value}/{total}  ETA {eta_formatted}',
        barsize: 20,
        clearOnComplete: true,
        stream: process.stderr,
      });
      if (done === 1) bar.start(total, done);
      bar.update(done);
      if (done === total) bar.stop();
    } else if (performance.now() - lineAt > LINE_EVERY_MS) {
      lineAt = performance.now();
      say(`reading images, ${formatCount(done)}/${formatCount(total)}`);
    }
  };
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
