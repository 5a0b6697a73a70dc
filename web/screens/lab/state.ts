import { signal } from '@preact/signals';
import type { FormField } from 'densor/browser';
import type { ImageClass } from '../../lab/classes.ts';

/** What the visitor has chosen so far. */
export const source = signal<'sample' | 'files'>('sample');
export const classes = signal<readonly ImageClass[]>([]);
export const model = signal('notes');
/** Texts of the form, by the names of the settings. */
export const settings = signal<Readonly<Record<string, string>>>({});
export const runName = signal('');

export const form = signal<
  { readonly fields: readonly FormField[]; readonly models: readonly string[] } | undefined
>(undefined);
export const isStarting = signal(false);
/** What went wrong, in a sentence; and the field that it is about. */
export const trouble = signal<
  { readonly message: string; readonly setting?: string | undefined } | undefined
>(undefined);
/** The run that was started or opened last. */
export const labRun = signal<string | undefined>(undefined);
