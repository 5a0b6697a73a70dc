import { tortureFaults } from './faults.ts';
import { tortureFiles } from './files.ts';
import { tortureKills } from './kills.ts';
import { tortureLocks } from './locks.ts';
import { type Bounds, type TortureOptions, TortureUsageError } from './options.ts';
import { torturePower } from './power.ts';
import { Findings, KINDS, type Kind, type Report } from './report.ts';
import { openScratch, type Scratch } from './scratch.ts';
import { tortureTerminals } from './terminals.ts';

type Torture = (bounds: Bounds, findings: Findings, scratch: Scratch) => Promise<void>;

const TORTURES: Readonly<Record<Kind, Torture>> = {
  faults: tortureFaults,
  kills: tortureKills,
  locks: tortureLocks,
  terminals: tortureTerminals,
  power: torturePower,
  files: tortureFiles,
};

/**
 * Runs each kind of test for its share of the time. Uses a private folder, of which only files of faults are kept.
 */
export async function torture(options: TortureOptions): Promise<Report> {
  const { seed, minutes, only, reproduce, attempts = {}, signal, tell } = options;
  const findings = new Findings({ tell, signal });
  const wanted = KINDS.filter((kind) => (reproduce ? reproduce.startsWith(`${kind}:`) : only.includes(kind)));
  if (wanted.length === 0)
    throw new TortureUsageError(`${reproduce}: expected ${KINDS.join(', ')}, and what was tried`);
  const scratch = openScratch();
  const end = performance.now() + minutes * 60_000;
  try {
    for (const [i, kind] of wanted.entries()) {
      const now = performance.now();
      const until = now + (end - now) / (wanted.length - i);
      const most = attempts[kind] ?? Number.POSITIVE_INFINITY;
      const isOver = (done: number) => done >= most || performance.now() > until || signal?.aborted === true;
      await TORTURES[kind]({ seed, reproduce, isOver }, findings, scratch);
    }
  } finally {
    scratch.remove();
  }
  return findings.report(seed);
}
