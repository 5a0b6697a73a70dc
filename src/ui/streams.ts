import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Phase } from '../live/protocol.ts';
import type { ChunkCache } from './chunk-cache.ts';
import { LogFollower } from './log-follower.ts';
import type { LogScans } from './log-scan.ts';
import type { RunFiles } from './run-files.ts';

/** At most five messages of steps a second. */
const POLL_MS = 200;
/** A process that is gone is noticed within so many polls. */
const PHASE_POLLS = 5;

export interface StreamSource {
  readonly files: RunFiles;
  readonly scans: LogScans;
  readonly cache: ChunkCache;
  /** What the training that has started this server says of itself; undefined for other runs. */
  phaseOf(folder: string): Phase | undefined;
}

/** A run to follow, from an offset on. */
export interface Followed {
  readonly id: string;
  readonly after: number;
}

/** Writes what happens in runs, a message on each line, until the reader is gone. */
export async function streamRuns(
  response: ServerResponse,
  followed: readonly Followed[],
  source: StreamSource,
): Promise<void> {
  const followers = followed.flatMap(({ id, after }) => {
    const place = source.files.get(id);
    return place ? [new LogFollower(place, after, source.files, source.cache)] : [];
  });
  const phases = new Map<LogFollower, Phase>();
  const isOpen = () => !response.destroyed && !response.writableEnded;
  for (let poll = 0; isOpen(); poll++) {
    for (const follower of followers) {
      await catchUp(response, follower);
      if (poll % PHASE_POLLS > 0) continue;
      const phase =
        source.phaseOf(follower.place.folder) ?? (await source.scans.summaryOf(follower.place)).phase;
      if (phase === phases.get(follower)) continue;
      phases.set(follower, phase);
      await write(response, follower.lineOf({ kind: 'phase', phase }));
    }
    await delay(POLL_MS);
  }
}

async function catchUp(response: ServerResponse, follower: LogFollower): Promise<void> {
  for await (const piece of follower.news()) {
    if (response.destroyed) return;
    await write(response, piece);
  }
}

/** Waits for a slow reader: nothing piles up. */
async function write(response: ServerResponse, text: string | Buffer): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
