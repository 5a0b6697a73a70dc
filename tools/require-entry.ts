/** Writes the CommonJS entry for `require('densor')`, which loads the ES modules, and its types. */
import { writeFileSync } from 'node:fs';

const ENTRY = `'use strict';
// Node before 20.19 and 22.12 cannot require ES modules, which these are.
try {
  module.exports = require('./index.js');
} catch (error) {
  if (error.code !== 'ERR_REQUIRE_ESM') throw error;
  throw new Error(
    'require("densor") needs Node 20.19, 22.12 or later, and this is ' + process.version +
      ": write \`const densor = await import('densor')\` instead, or use a later Node",
    { cause: error },
  );
}
`;

const built = new URL('../src/', import.meta.url);
const names: Readonly<Record<string, unknown>> = await import(new URL('index.js', built).href);
const isClass = (value: unknown) => typeof value === 'function' && /^class\b/.test(`${value}`);
const types = Object.entries(names).flatMap(([name, value]) => [
  `export declare const ${name}: typeof densor.${name};`,
  ...(isClass(value) ? [`export type ${name} = densor.${name};`] : []),
]);
const MODE = "with { 'resolution-mode': 'import' }";
writeFileSync(new URL('index.cjs', built), ENTRY);
writeFileSync(
  new URL('index.d.cts', built),
  [
    `import type * as densor from './index.js' ${MODE};`,
    `export type * from './index.js' ${MODE};`,
    ...types,
    '',
  ].join('\n'),
);
