import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';
import { TILES } from './replay.ts';
import { passesEngineTests } from './run-tests.ts';

/**
 * `npm run test:tiles`: runs the engine tests on the AMX kernels with emulated tile instructions
 * (kernels/conv/tiles_emulated.h). Exit status 0: success, 1: failure, 2: the processor lacks other instruction
 * sets that these kernels use.
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
