import type { Neighbour } from 'densor/browser';
import { useState } from 'preact/hooks';
import { formatShare, shownName } from '../../app/format.ts';
import { sentenceOf } from '../../app/sentence.ts';
import { askLab } from '../../lab/client.ts';
import { text } from '../../text/text.ts';
import { Picture } from '../parts.tsx';

/** The training images that look most like a picture to the network. @param isKnown whether the page has them. */
export function Neighbours({
  id,
  image,
  isKnown,
}: {
  readonly id: string;
  readonly image: Blob;
  readonly isKnown: boolean;
}) {
  const t = text();
  const [progress, setProgress] = useState<{ readonly done: number; readonly total: number } | undefined>();
  const [found, setFound] = useState<readonly Neighbour[] | undefined>(undefined);
  const [wrong, setWrong] = useState('');
  const find = async () => {
    setProgress({ done: 0, total: 1 });
    setWrong('');
    try {
      const { neighbours } = await askLab('nearest', { id, image }, (done, total) =>
        setProgress({ done, total }),
      );
      setFound(neighbours);
    } catch (error) {
      setWrong(sentenceOf((error as Error).message));
    } finally {
      setProgress(undefined);
    }
  };
  return (
    <section data-testid="neighbours">
      <h3>{t.nearTitle}</h3>
      <p class="note">{isKnown ? t.nearHow : t.nearElsewhere}</p>
      {isKnown && !found && (
        <button
          type="button"
          data-testid="nearest"
          disabled={progress !== undefined}
          onClick={() => void find()}
        >
          {t.nearFind}
        </button>
      )}
      {progress && (
        <progress max={progress.total} value={progress.done} aria-label={t.nearTitle}>
          {`${progress.done} / ${progress.total}`}
        </progress>
      )}
      {wrong && (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      )}
      <ol class="mistakes">
        {found?.map(({ label, similarity, image: { width, data }, file }, i) => {
          const said = t.nearImage(shownName(label), formatShare(similarity));
          return (
            <li key={i}>
              <Picture
                pixels={new Uint8Array(data)}
                side={width}
                channels={data.length / width ** 2}
                label={said}
              />
              <span>{said}</span>
              {file !== undefined && <small dir="auto">{shownName(file)}</small>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
