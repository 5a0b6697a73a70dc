import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';
import { TILES } from './replay.ts';
import { passesEngineTests } from './run-tests.ts';

/**
 * `npm run test:tiles`: the tests of engines on the AMX kernels, their tile instructions emulated
 * (kernels/conv/tiles_emulated.h). Exit status 0: they pass, 1: they do not, 2: this processor lacks the rest of what
 * they use.
 */
async function testTiles(): Promise<number> {
  if (!nativeIsas().includes('avx512-bf16')) {
    console.error(
      'The AMX kernels also use AVX-512 with bfloat16, which this processor has not (or no kernels are built).',
    );
    return 2;
  }
  return (await passesEngineTests(TILES)) ? 0 : 1;
}

process.exitCode = await testTiles();
