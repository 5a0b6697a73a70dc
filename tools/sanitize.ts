import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';
import { buildReplay, type Defect, SANITIZED } from './replay.ts';
import { ENGINE_TESTS, runTests } from './run-tests.ts';

/** Seeded defects that the sanitizers must find, as a check that they work. */
const DEFECTS: readonly (Defect & {
  readonly name: string;
  readonly under: string;
  readonly report: string;
})[] = [
  {
    name: 'reads one partial too many',
    under: 'asan-scalar',
    report: 'AddressSanitizer: use-after-poison',
    file: 'kernels/batch_norm/batch_norm.h',
    text: 'k < r.partialCount',
    wrong: 'k <= r.partialCount',
  },
  {
    name: 'stores one number too many',
    under: 'asan-scalar',
    report: 'a kernel wrote behind a buffer',
    file: 'kernels/base/grad_input.h',
    text: 'c < 2 * padded',
    wrong: 'c <= 2 * padded',
  },
  {
    name: 'multiplies beyond an int',
    under: 'asan-scalar',
    report: 'runtime error: signed integer overflow',
    file: 'kernels/base/context.h',
    text: '(n + multiple - 1)',
    wrong: '(n * 0x40000000 + multiple - 1)',
  },
  {
    name: 'arrives at a barrier without a release',
    under: 'tsan-scalar',
    report: 'ThreadSanitizer: data race',
    file: 'kernels/base/barrier.h',
    text: '__ATOMIC_ACQ_REL',
    wrong: '__ATOMIC_RELAXED',
  },
];

/**
 * `npm run sanitize [-- asan-avx2 …]`: runs the engine tests on kernels built with AddressSanitizer and
 * UndefinedBehaviorSanitizer, and with ThreadSanitizer, for every instruction set of this machine; then checks
 * that each seeded defect is found. Exit status 0: success, 1: failure, 2: not possible on this machine.
 */
async function sanitize(asked: readonly string[]): Promise<number> {
  const isas = new Set<string>(nativeIsas());
  if (isas.size === 0) {
    console.error(
      'There are no native kernels here: install g++ 12 or clang 15 (or later), then npm run build.',
    );
    return 2;
  }
  const here = SANITIZED.filter(({ isa }) => isas.has(isa === 'amx' ? 'avx512-bf16' : isa));
  const variants = asked.length === 0 ? here : here.filter(({ name }) => asked.includes(name));
  const unknown = asked.filter((name) => !here.some((each) => each.name === name));
  if (unknown.length > 0) {
    console.error(`No ${unknown.join(', ')} here; there are ${here.map(({ name }) => name).join(', ')}.`);
    return 2;
  }
  const failures: string[] = [];
  for (const variant of variants) {
    console.log(`Building and testing ${variant.name}…`);
    await buildReplay(variant);
    for (const words of ENGINE_TESTS) {
      const { passed } = await runTests([variant.name], words);
      if (!passed) failures.push(`${variant.name}: ${words.join(' ')}`);
    }
  }
  for (const defect of DEFECTS) {
    const variant = variants.find(({ name }) => name === defect.under);
    if (!variant) continue;
    const build = `${defect.under}-defect`;
    await buildReplay(variant, build, defect);
    const words = ['test/conformance/conformance.test.ts', '-t', 'dense block'];
    const { passed, output } = await runTests([`${defect.under}=${build}`], words, true);
    const found = !passed && output.includes(defect.report);
    console.log(`A kernel that ${defect.name}: ${found ? 'found' : 'NOT FOUND'} by ${defect.under}`);
    if (!found) failures.push(`the seeded mistake of a kernel that ${defect.name}\n${output}`);
  }
  if (failures.length > 0) console.error(`Failed:\n${failures.join('\n')}`);
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await sanitize(process.argv.slice(2));
