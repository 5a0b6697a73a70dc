import { z } from 'zod';
import { alternatives } from '../../tensor/argument.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import { didYouMean } from '../../tensor/suggest.ts';

/** The value of a setting, or an error message. */
export type Parsed = { readonly value: unknown } | { readonly problem: string };

/** The subset of JSON Schema that settings use. */
interface Shape {
  /** Undefined for `anyOf`, and for a schema that accepts anything. */
  readonly type?: 'integer' | 'number' | 'string' | 'boolean' | 'array' | 'object' | 'null';
  readonly enum?: readonly (string | number)[];
  readonly const?: string | number | boolean;
  readonly anyOf?: readonly Shape[];
  readonly items?: Shape;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
}

export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: 'input' }) as Shape;
}

/** Parses a value from the text of a flag or a form. Lists are separated by commas. */
export function parseText(schema: z.ZodType, text: string): Parsed {
  const shape = shapeOf(schema);
  let problem: string | undefined;
  for (const candidate of read(shape, text)) {
    const result = schema.safeParse(candidate);
    if (result.success) return { value: result.data };
    problem ??= problemOf(shape, candidate, result.error.issues[0]!);
  }
  return { problem: problem ?? `expected ${expected(shape.items ?? shape)}` };
}

/** The error message for a value that a schema rejects. */
export function problemWith(schema: z.ZodType, value: unknown): string {
  const result = schema.safeParse(value);
  return result.success ? '' : problemOf(shapeOf(schema), value, result.error.issues[0]!);
}

/** Possible values of a text. */
function read(shape: Shape, text: string): readonly unknown[] {
  if (shape.anyOf) return shape.anyOf.flatMap((each) => read(each, text));
  if (shape.const !== undefined) return text === `${shape.const}` ? [shape.const] : [];
  switch (shape.type) {
    case 'integer':
      return /^\d+$/.test(text) ? [Number(text)] : [];
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? [] : [Number(text)];
    case 'array': {
      const items = text.split(',').map((item) => read(shape.items!, item.trim())[0]);
      return items.includes(undefined) ? [] : [items];
    }
    case 'string':
    case 'boolean':
    case 'object':
    case 'null':
    case undefined:
      return [text];
    default:
      return assertNever(shape.type);
  }
}

function problemOf({ items, ...shape }: Shape, value: unknown, issue: z.core.$ZodIssue): string {
  const [at] = issue.path;
  const item = Array.isArray(value) && typeof at === 'number' ? value[at] : undefined;
  if (items?.enum && item !== undefined) {
    return `expected some of ${items.enum.join(',')}, not '${item}'${didYouMean(`${item}`, namesOf(items))}`;
  }
  const inner = items && item !== undefined ? items : shape;
  // The error messages of strings and whole lists are complete.
  if (!isDescribed(inner)) return issue.message;
  return `expected ${expected(inner)}${typeof value === 'string' ? didYouMean(value, namesOf(inner)) : ''}`;
}

/** The names that are valid values. */
function namesOf({ enum: choices = [], const: only, anyOf = [] }: Shape): readonly string[] {
  return [...choices, ...(only === undefined ? [] : [only]), ...anyOf.flatMap(namesOf)].filter(
    (choice) => typeof choice === 'string',
  );
}

function isDescribed({ type, enum: choices, anyOf }: Shape): boolean {
  return choices !== undefined || anyOf !== undefined || type === 'integer' || type === 'number';
}

/** `a whole number from 1 to 256`, `a number above 0 and below 1`, `f32 or bf16`. */
export function expected(shape: Shape): string {
  if (shape.anyOf) return shape.anyOf.map(expected).join(' or ');
  if (shape.enum) return alternatives(shape.enum.map(String));
  if (shape.const !== undefined) return `${shape.const}`;
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = shape;
  if (shape.type === 'integer') {
    const least = minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + 1);
    const to = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? '' : ` to ${maximum}`;
    return `a whole number from ${least}${to}`;
  }
  const below = exclusiveMaximum === undefined ? '' : ` and below ${exclusiveMaximum}`;
  return `a number ${minimum === undefined ? `above ${exclusiveMinimum}` : `from ${minimum}`}${below}`;
}
