import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KERNELS = fileURLToPath(new URL('../../kernels/webgpu', import.meta.url));
const MODULE = fileURLToPath(new URL('../../src/engine/webgpu/kernels.generated.ts', import.meta.url));

/** The text of a module with all WGSL files, without comments: a page has no files, and a bundler follows imports only. */
export function kernelsModule(folder = KERNELS): string {
  const entries = readdirSync(folder)
    .filter((name) => name.endsWith('.wgsl'))
    .sort()
    .map(
      (name) =>
        `  ${name.slice(0, -'.wgsl'.length)}: \`${stripped(readFileSync(join(folder, name), 'utf8'))}\`,\n`,
    );
  return `// Written by \`npm run build:wgsl\` from kernels/webgpu: do not edit.\nexport const wgsl = {\n${entries.join('')}} as const;\n`;
}

function stripped(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\s*\/\/.*$/, ''));
  return lines.filter((line) => line.trim() !== '').join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(MODULE, kernelsModule());
