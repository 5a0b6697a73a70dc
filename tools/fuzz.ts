import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type FuzzResult, fuzz } from './fuzz/run.ts';
import { type FuzzTarget, fuzzTargets } from './fuzz/targets.ts';

/**
 * Reads damaged files of every format that comes from outside. Each must be read or refused by an error of its own:
 * no other error, no case longer than ten seconds, no heap beyond 256 MiB.
 * `npm run fuzz -- --count 10000 --only pth --seed 1`; a case alone: `--first NUMBER --count 1`.
 */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CASE_LIMIT_MS = 10_000;
const HEAP_LIMIT_MIB = 256;

interface Work {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  /** The number of the case at work. */
  readonly at: Int32Array;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      first: { type: 'string', default: '0' },
      only: { type: 'string' },
    },
  });
  const [count, seed, first] = [values.count, values.seed, values.first].map(Number) as [
    number,
    number,
    number,
  ];
  const targets = fuzzTargets(ROOT).map(({ name }) => name);
  const chosen = targets.filter((name) => values.only === undefined || values.only === name);
  if (
    chosen.length === 0 ||
    ![count, seed, first].every((value) => Number.isSafeInteger(value) && value >= 0)
  ) {
    process.stderr.write(`fuzz: expected whole numbers, and --only ${targets.join(' or ')}\n`);
    process.exitCode = 2;
    return;
  }
  for (const target of chosen) {
    const { result, fault } = await inWorker({
      target,
      seed,
      first,
      count,
      at: new Int32Array(new SharedArrayBuffer(4)),
    });
    if (result) print(result);
    if (fault) process.stdout.write(`${target}: ${fault}\n`);
    if (fault || result?.faults.length) process.exitCode = 1;
  }
  process.stdout.write(
    `peak memory of the process ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB\n`,
  );
}

function print({ target, cases, read, refused, faults, slowestMs }: FuzzResult): void {
  process.stdout.write(
    `${target}: ${cases} files, ${read} read, ${refused} refused, ${faults.length} faults, slowest ${slowestMs.toFixed(0)} ms\n`,
  );
  for (const { number, error } of faults.slice(0, 10)) process.stdout.write(`  case ${number}: ${error}\n`);
}

/** A thread of its own, so that one that hangs or takes all memory is seen and named. */
function inWorker(work: Work): Promise<{ readonly result?: FuzzResult; readonly fault?: string }> {
  return new Promise((resolve) => {
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_LIMIT_MIB };
    const worker = new Worker(new URL(import.meta.url), { workerData: work, resourceLimits });
    let [seen, since] = [-1, Date.now()];
    const watch = setInterval(() => {
      const now = Atomics.load(work.at, 0);
      if (now !== seen) [seen, since] = [now, Date.now()];
      else if (Date.now() - since > CASE_LIMIT_MS) end({ fault: `case ${now} takes more than ten seconds` });
    }, 500);
    const end = (outcome: { result?: FuzzResult; fault?: string }) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(outcome);
    };
    worker.on('message', (result: FuzzResult) => end({ result }));
    worker.on('error', (error) => end({ fault: `case ${Atomics.load(work.at, 0)}: ${error.stack}` }));
  });
}

if (isMainThread) await main();
else {
  const { target, at, ...range } = workerData as Work;
  const chosen = fuzzTargets(ROOT).find(({ name }) => name === target) as FuzzTarget;
  parentPort!.postMessage(await fuzz(chosen, range, (number) => Atomics.store(at, 0, number)));
}
