import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isTemporary, LAST_FILE, LOCK_FILE, LOG_FILE, lastingState, readCheckpoint } from './product.ts';

/** The events that a log must contain exactly once, without times and durations. */
export interface LogSummary {
  readonly step: readonly string[];
  readonly epoch: readonly string[];
  readonly point: readonly string[];
  readonly checkpoint: readonly string[];
  readonly end: readonly string[];
}

/** The properties that are identical for two equal runs. */
export interface FolderSummary {
  /** Relative paths of all files. */
  readonly files: readonly string[];
  /** Metadata and tensors of each checkpoint, by relative path. */
  readonly checkpoints: Readonly<Record<string, string>>;
  readonly logs: Readonly<Record<string, LogSummary>>;
}

/** Hashes of all files below a folder, by relative path. */
export function treeOf(folder: string): ReadonlyMap<string, string> {
  return new Map(filesIn(folder).map((file) => [file, hashOf(readFileSync(join(folder, file)))]));
}

/** Files that were created, changed or deleted. */
export function changedFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
}

/** Damaged safetensors files, with the reasons. */
export function tornFiles(folder: string): readonly string[] {
  return filesIn(folder)
    .filter((file) => file.endsWith('.safetensors'))
    .flatMap((file) => {
      try {
        readCheckpoint(readFileSync(join(folder, file)), file);
        return [];
      } catch (error) {
        return [`${file} is torn: ${(error as Error).message}`];
      }
    });
}

/** Abandoned temporary files and locks. */
export function leftovers(folder: string): readonly string[] {
  return filesIn(folder).filter((file) => isTemporary(file) || basename(file) === LOCK_FILE);
}

/** Summarizes a folder. @throws if a checkpoint or a line of a log cannot be read. */
export function summarize(folder: string): FolderSummary {
  const files = filesIn(folder);
  const checkpoints: Record<string, string> = {};
  const logs: Record<string, LogSummary> = {};
  for (const file of files) {
    if (file.endsWith('.safetensors')) {
      const checkpoint = readCheckpoint(readFileSync(join(folder, file)), file);
      if (!checkpoint) continue;
      const tensors = [...checkpoint.training.state].map(([name, { buffer, byteOffset, byteLength }]) => [
        name,
        hashOf(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)),
      ]);
      checkpoints[file] = JSON.stringify([lastingState(checkpoint), tensors]);
    }
    if (basename(file) === LOG_FILE) logs[file] = summarizeLog(readFileSync(join(folder, file), 'utf8'));
  }
  return { files, checkpoints, logs };
}

/** Summarizes a log. @throws if a line is not valid JSON, or the last one is incomplete. */
export function summarizeLog(text: string): LogSummary {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line of the log has no end');
  const events = text
    .split('\n')
    .slice(0, -1)
    .map((line, i) => parseEvent(line, i + 1));
  const of = (kind: string, ...keys: readonly string[]) =>
    events
      .filter((event) => event.kind === kind)
      .map((event) => JSON.stringify(keys.map((key) => event[key] ?? null)));
  return {
    step: of('step', 'globalStep', 'epoch', 'learningRate', 'loss', 'trainLoss', 'trainAccuracy'),
    epoch: of('epoch', 'epoch', 'trainLoss', 'trainAccuracy', 'testAccuracy', 'validationAccuracy'),
    point: of('point', 'point'),
    checkpoint: of('checkpoint', 'globalStep', 'best'),
    end: of('end', 'trainLoss', 'trainAccuracy', 'testAccuracy', 'bestTestAccuracy'),
  };
}

/**
 * The differences between a folder and the result of the same commands without faults.
 * @param least the result without the planned interruptions of the scenario, which may add checkpoints.
 */
export function differences(
  actual: FolderSummary,
  reference: FolderSummary,
  least: FolderSummary = reference,
): readonly string[] {
  const lost = reference.files.filter((file) => !actual.files.includes(file));
  // The lock of a killed process is allowed: the next process takes it over.
  const extra = actual.files.filter(
    (file) => !reference.files.includes(file) && basename(file) !== LOCK_FILE,
  );
  const found = [...lost.map((file) => `${file} is missing`), ...extra.map((file) => `${file} is left over`)];
  for (const [file, expected] of Object.entries(reference.checkpoints)) {
    const is = actual.checkpoints[file];
    if (is !== undefined && is !== expected) found.push(`${file} has other ${otherThan(is, expected)}`);
  }
  for (const [file, most] of Object.entries(reference.logs)) {
    const log = actual.logs[file];
    if (log)
      found.push(...logDifferences(log, most, least.logs[file] ?? most).map((each) => `${file}: ${each}`));
  }
  return found;
}

/** Events that are missing, duplicated, or from a different run. */
export function logDifferences(log: LogSummary, most: LogSummary, least = most): readonly string[] {
  return (Object.keys(most) as (keyof LogSummary)[]).flatMap((kind) => {
    const [is, upper, lower] = [log, most, least].map((each) => countsOf(each[kind])) as [
      Counts,
      Counts,
      Counts,
    ];
    const keys = [...new Set([...is.keys(), ...upper.keys()])];
    const found = keys.flatMap((key) => {
      const [times, high, low] = [is, upper, lower].map((each) => each.get(key) ?? 0) as [
        number,
        number,
        number,
      ];
      if (times < low) return [`lost ${kind} event ${key}`];
      if (times > high)
        return [high === 0 ? `strange ${kind} event ${key}` : `${kind} event ${key} occurs ${times} times`];
      return [];
    });
    const isOrdered = most !== least || found.length > 0 || log[kind].join() === most[kind].join();
    return isOrdered ? found : [`${kind} events are in another order`];
  });
}

type Counts = ReadonlyMap<string, number>;

function countsOf(items: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** The part in which the summaries of two checkpoints differ. */
function otherThan(is: string, expected: string): string {
  const [[state, tensors], [goodState, goodTensors]] = [JSON.parse(is), JSON.parse(expected)];
  if (JSON.stringify(tensors) !== JSON.stringify(goodTensors)) return 'tensors';
  const key = Object.keys({ ...state, ...goodState }).find(
    (each) => JSON.stringify(state[each]) !== JSON.stringify(goodState[each]),
  );
  return `metadata: ${key}`;
}

function parseEvent(line: string, number: number): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    throw new Error(`line ${number} of the log is no JSON: ${line.slice(0, 60)}`);
  }
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Folders of runs below this one. */
export function runsIn(folder: string): readonly string[] {
  return filesIn(folder)
    .filter((file) => basename(file) === LAST_FILE)
    .map((file) => join(folder, dirname(file)));
}
