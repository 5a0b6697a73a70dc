import { useState } from 'preact/hooks';
import { decodeBase64 } from '../../src/live/columns.ts';
import { formatPercent, formatShare, shownName } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Empty, Picture, Scroll } from './parts.tsx';
import type { TabProps } from './run.tsx';

interface Cell {
  readonly label: number;
  readonly predicted: number;
}

/** With more classes than this only those that are confused are shown. */
const MOST_CLASSES = 24;

export function ConfusionsTab({ view }: TabProps) {
  const t = text();
  const [at, setAt] = useState<number | undefined>(undefined);
  const [chosen, choose] = useState<Cell | undefined>(undefined);
  const scores = view.scores[at ?? view.scores.length - 1];
  if (!scores) return <Empty>{t.confusionsEmpty}</Empty>;
  const { classNames, confusion, mistakes, side, channels, of, epoch } = scores;
  const counts = new Map<string, number>();
  for (let i = 0; i + 2 < confusion.length; i += 3)
    counts.set(`${confusion[i]} ${confusion[i + 1]}`, confusion[i + 2]!);
  const countOf = ({ label, predicted }: Cell) => counts.get(`${label} ${predicted}`) ?? 0;
  const labels = shownLabels(classNames.length, confusion);
  const name = (label: number) => shownName(classNames[label] ?? `${label}`);
  const sumOf = (label: number, as: 'row' | 'column') =>
    classNames.reduce(
      (sum, _, other) =>
        sum + countOf(as === 'row' ? { label, predicted: other } : { label: other, predicted: label }),
      0,
    );
  const shown = mistakes.filter(
    (each) => !chosen || (each.label === chosen.label && each.predicted === chosen.predicted),
  );
  return (
    <div class="confusions">
      <div class="title">
        <h2>{t.confusionsOf(of === 'validation' ? 'validation' : 'test', epoch + 1)}</h2>
        {view.scores.length > 1 && (
          <label>
            {t.epoch} {epoch + 1}
            <input
              type="range"
              min={0}
              max={view.scores.length - 1}
              value={at ?? view.scores.length - 1}
              onInput={(event) => setAt(Number(event.currentTarget.value))}
            />
          </label>
        )}
      </div>
      <Scroll>
        <table class="confusion">
          <caption>
            {t.trueClass} ↓ · {t.predictedClass} →
          </caption>
          <thead>
            <tr>
              <td />
              {labels.map((label) => (
                <th scope="col" key={label} class="upright">
                  <span>{name(label)}</span>
                </th>
              ))}
              <th scope="col">{t.recall}</th>
            </tr>
          </thead>
          <tbody>
            {labels.map((label) => {
              const total = sumOf(label, 'row');
              return (
                <tr key={label}>
                  <th scope="row">{name(label)}</th>
                  {labels.map((predicted) => (
                    <ConfusionCell
                      key={predicted}
                      count={countOf({ label, predicted })}
                      share={countOf({ label, predicted }) / Math.max(1, total)}
                      isRight={label === predicted}
                      isChosen={chosen?.label === label && chosen.predicted === predicted}
                      name={t.confusionCell(countOf({ label, predicted }), name(label), name(predicted))}
                      onChoose={() => choose({ label, predicted })}
                    />
                  ))}
                  <td class="share">
                    {formatShare(countOf({ label, predicted: label }) / Math.max(1, total))}
                  </td>
                </tr>
              );
            })}
            <tr>
              <th scope="row">{t.precision}</th>
              {labels.map((label) => (
                <td key={label} class="share">
                  {formatShare(countOf({ label, predicted: label }) / Math.max(1, sumOf(label, 'column')))}
                </td>
              ))}
              <td />
            </tr>
          </tbody>
        </table>
      </Scroll>
      <div class="title">
        <h2>{t.mistakes}</h2>
        {chosen && (
          <button type="button" onClick={() => choose(undefined)}>
            {t.showAll}
          </button>
        )}
      </div>
      {shown.length === 0 && <p class="note">{t.noMistakes}</p>}
      <ul class="mistakes">
        {shown.map((each) => {
          const said = t.mistake(name(each.label), name(each.predicted), formatPercent(each.confidence));
          return (
            <li key={each.index}>
              {each.pixels !== undefined && (
                <Picture pixels={bytesOf(each.pixels)} side={side} channels={channels} label={said} />
              )}
              <span>{said}</span>
              {each.file !== undefined && <small dir="auto">{shownName(each.file)}</small>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

interface CellProps {
  readonly count: number;
  readonly share: number;
  readonly isRight: boolean;
  readonly isChosen: boolean;
  readonly name: string;
  readonly onChoose: () => void;
}

function ConfusionCell({ count, share, isRight, isChosen, name, onChoose }: CellProps) {
  const level = Math.min(9, Math.ceil(9 * share));
  const kind = `${isRight ? 'right' : 'wrong'} level-${level}${isChosen ? ' chosen' : ''}`;
  if (count === 0 || isRight) return <td class={kind}>{count === 0 ? '' : count}</td>;
  return (
    <td class={kind}>
      <button type="button" aria-label={name} title={name} onClick={onChoose}>
        {count}
      </button>
    </td>
  );
}

/** All classes, or those that take part in the most confusions. */
function shownLabels(classes: number, confusion: readonly number[]): readonly number[] {
  const all = Array.from({ length: classes }, (_, label) => label);
  if (classes <= MOST_CLASSES) return all;
  const wrong = new Map<number, number>();
  for (let i = 0; i + 2 < confusion.length; i += 3) {
    const [label, predicted, count] = [confusion[i]!, confusion[i + 1]!, confusion[i + 2]!];
    if (label === predicted) continue;
    for (const each of [label, predicted]) wrong.set(each, (wrong.get(each) ?? 0) + count);
  }
  const most = [...wrong].sort((a, b) => b[1] - a[1]).slice(0, MOST_CLASSES);
  return most.map(([label]) => label).sort((a, b) => a - b);
}

/** Bytes of a picture; none where the log holds something else. */
function bytesOf(pixels: string): Uint8Array {
  try {
    return decodeBase64(pixels);
  } catch {
    return new Uint8Array();
  }
}
