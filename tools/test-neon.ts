import { spawnSync } from 'node:child_process';
import { CROSS, NEON } from './replay.ts';
import { passesEngineTests } from './run-tests.ts';

/**
 * `npm run test:neon`: the tests of engines on the NEON kernels, cross-compiled and run by an emulator. Exit status
 * 0: they pass, 1: they do not, 2: the tools are missing.
 */
async function testNeon(): Promise<number> {
  const missing = [CROSS.compiler, CROSS.emulator].filter(
    (command) => spawnSync(command, ['--version']).status !== 0,
  );
  if (missing.length > 0) {
    console.error(`${missing.join(' and ')} missing. On Debian: apt-get install ${CROSS.packages}`);
    return 2;
  }
  return (await passesEngineTests(NEON)) ? 0 : 1;
}

process.exitCode = await testNeon();
