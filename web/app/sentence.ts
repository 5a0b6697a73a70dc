import { text } from '../text/text.ts';

/** Messages of the library that a visitor of the page can do something about, which is another thing than in a program. */
const KNOWN: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/quota/i, () => text().storageFull],
  [/cannot allocate (\d+ MiB)|needs ([\d.]+ GiB)/, (found) => text().memoryShort(found[1] ?? found[2]!)],
  [/^the kernels are not there|kernels were compiled from other sources/, () => text().noKernels],
  [/^there is no such run/, () => text().notFound],
  [/^the images of this run are gone/, () => text().dataGone],
  [/^there is no such checkpoint/, () => text().noCheckpoint],
  [/^nothing of this run was saved/, () => text().nothingSaved],
  [/which a newer version of densor wrote/, () => text().newerRun],
];

/** What went wrong, in a sentence. Messages name settings in backquotes, which the page shows without. */
export function sentenceOf(message: string): string {
  for (const [pattern, sentence] of KNOWN) {
    const found = pattern.exec(message);
    if (found) return sentence(found);
  }
  return message.replaceAll('`', '');
}
