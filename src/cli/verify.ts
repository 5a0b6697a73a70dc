import { readFileSync } from 'node:fs';
import { decodeSafetensors } from '../io/safetensors.ts';
import { replayOneStep } from '../train/one-step.ts';
import { describeEngine, type EngineName, openEngine } from './engines.ts';
import { formatTable } from './format.ts';
import { print, printJson } from './terminal.ts';

interface VerifyOptions {
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

export async function runVerify(paths: readonly string[], given: VerifyOptions): Promise<void> {
  const files = paths.map((path) => [path, decodeSafetensors(readFileSync(path), path)] as const);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const results = [];
    for (const [path, content] of files) {
      const groups = await replayOneStep(content, path, engine);
      results.push({ file: path, passed: groups.every(({ passed }) => passed), groups });
      if (given.json) continue;
      const rows = groups.map(({ group, error, bound, worst, passed }) => [
        group,
        error.toExponential(2),
        bound.toExponential(2),
        passed ? 'ok' : `over: ${worst}`,
      ]);
      const table = formatTable([['group', 'error', 'bound', ''], ...rows]);
      print([`${path} on ${describeEngine(engine)}`, ...table, '']);
    }
    const passed = results.every((result) => result.passed);
    if (given.json) {
      const { name, isa } = engine;
      printJson({ passed, engine: name, isa, files: results });
    }
    if (!passed) process.exitCode = 1;
  } finally {
    await engine.close();
  }
}
