import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { root } from './kernel-sources.ts';
import { buildReplay, type ReplayVariant } from './replay.ts';

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

/**
 * The tests that every engine must pass: conformance, two steps compared with PyTorch, and determinism over
 * threads.
 */
export const ENGINE_TESTS: readonly (readonly string[])[] = [
  [
    'test/conformance/conformance.test.ts',
    'test/conformance/bfloat16.test.ts',
    'test/engine/bfloat16.test.ts',
    // All of test/engine except the profile, because a replay has no clock.
    'test/engine/determinism.test.ts',
    'test/engine/non-finite.test.ts',
    'test/engine/dropout.test.ts',
    'test/engine/inference.test.ts',
    'test/engine/inputs.test.ts',
    'test/engine/recompute.test.ts',
    'test/train/micro-batches.test.ts',
    'test/engine/winograd.test.ts',
    'test/engine/winograd-step.test.ts',
    'test/engine/pairs.test.ts',
    'test/conformance/networks.test.ts',
    'test/conformance/updates.test.ts',
    'test/golden/block-and-transition.test.ts',
    'test/golden/optimizers.test.ts',
  ],
  ['test/golden/one-step.test.ts', '-t', 'small_'],
];

/** Builds a variant of the replay program and runs these tests on it. @returns whether all pass. */
export async function passesEngineTests(variant: ReplayVariant): Promise<boolean> {
  await buildReplay(variant);
  let all = true;
  for (const words of ENGINE_TESTS) all = (await runTests([variant.name], words)).passed && all;
  return all;
}

/** Runs tests on builds of the replay program (test/support/engines.ts). Prints their output unless `quiet`. */
export async function runTests(
  builds: readonly string[],
  words: readonly string[],
  quiet = false,
): Promise<{ readonly passed: boolean; readonly output: string }> {
  const child = spawn(process.execPath, [vitest, 'run', '--reporter=dot', ...words], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', DENSOR_REPLAY: builds.join(',') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.on('data', (bytes: Buffer) => {
      output += bytes;
      if (!quiet) to.write(bytes);
    });
  }
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { passed: status === 0, output };
}
