import { spawnSync } from 'node:child_process';
import { CROSS, NEON } from './replay.ts';
import { passesEngineTests } from './run-tests.ts';

/**
 * `npm run test:neon`: runs the engine tests on the NEON kernels, cross-compiled and in an emulator. Exit status
 * 0: success, 1: failure, 2: tools are missing.
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
