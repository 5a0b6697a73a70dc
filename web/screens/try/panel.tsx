import type { Prediction } from 'densor/browser';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatPercent, shownName } from '../../app/format.ts';
import { sentenceOf } from '../../app/sentence.ts';
import { serverCheckpoint } from '../../app/server-source.ts';
import { askLab } from '../../lab/client.ts';
import type { Explained } from '../../lab/messages.ts';
import { text } from '../../text/text.ts';
import { Camera, closeCamera, isCameraOpen, openCamera, takePicture } from '../lab/camera.tsx';
import { ClassMaps } from './class-maps.tsx';
import { FeatureMaps } from './feature-maps.tsx';
import { Neighbours } from './neighbours.tsx';

const CAMERA_MS = 300;

/** A run of the server: its weights are fetched before they are asked. */
export interface OnServer {
  /** The step of its latest checkpoint: another one has other weights. */
  readonly step: number;
  /** The name of its images. */
  readonly data: string | undefined;
}

/** A picture that was asked about, and the answer. */
interface Answer {
  readonly image: Blob;
  readonly explained: Explained;
}

/** Asks the network of a run about pictures, and shows why it says what it says. */
export function TryPanel({
  id,
  name,
  server,
}: {
  readonly id: string;
  readonly name: string;
  readonly server?: OnServer;
}) {
  const t = text();
  const input = useRef<HTMLInputElement>(null);
  const [picture, setPicture] = useState<string | undefined>(undefined);
  useEffect(() => () => URL.revokeObjectURL(picture ?? ''), [picture]);
  const [found, setFound] = useState<readonly Prediction[]>([]);
  const [answer, setAnswer] = useState<Answer | undefined>(undefined);
  const [wrong, setWrong] = useState('');
  const video = useRef<HTMLVideoElement | undefined>(undefined);
  /** What is asked now: later questions wait for it. */
  const asking = useRef<Promise<void> | undefined>(undefined);
  const given = useRef<number | undefined>(undefined);
  const shown = useRef<Blob | undefined>(undefined);
  const answerTo = async (work: () => Promise<void>) => {
    try {
      if (server && given.current !== server.step) {
        await askLab('open', { id, bytes: await serverCheckpoint(id) });
        given.current = server.step;
      }
      await work();
      setWrong('');
    } catch (error) {
      setWrong(sentenceOf((error as Error).message));
    }
  };
  const ask = (work: () => Promise<void>) => {
    const asked = (asking.current ?? Promise.resolve())
      .then(() => answerTo(work))
      .finally(() => {
        if (asking.current === asked) asking.current = undefined;
      });
    asking.current = asked;
    return asked;
  };
  const explain = (image: Blob) =>
    ask(async () => {
      if (shown.current !== image) return; // Another picture was chosen while this one waited.
      try {
        const explained = await askLab('explain', { id, image });
        if (shown.current !== image) return;
        setFound(explained.predictions);
        setAnswer({ image, explained });
      } catch (error) {
        // Networks that end otherwise than in one linear layer cannot be explained, but they predict.
        const { predictions } = await askLab('predict', { id, image });
        if (shown.current !== image) return;
        setFound(predictions);
        throw error;
      }
    });
  useEffect(() => {
    const timer = setInterval(async () => {
      if (!isCameraOpen() || !video.current || asking.current) return;
      const image = await takePicture(video.current);
      if (!image || !isCameraOpen()) return;
      await ask(async () => setFound((await askLab('predict', { id, image })).predictions));
    }, CAMERA_MS);
    return () => clearInterval(timer);
  });
  const show = (image: Blob | undefined) => {
    if (!image) return;
    shown.current = image;
    setPicture(URL.createObjectURL(image));
    setFound([]);
    setAnswer(undefined);
    void explain(image);
  };
  const freeze = async () => {
    const image = video.current && (await takePicture(video.current));
    closeCamera();
    show(image);
  };
  return (
    <div>
      <p class="note">
        {t.tryWith(shownName(name))}. {t.tryHow}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => input.current?.click()}>
          {t.tryPicture}
        </button>
        <button type="button" data-testid="try-camera" onClick={() => void openCamera()}>
          {t.cameraButton}
        </button>
        {isCameraOpen() && (
          <button type="button" data-testid="try-explain" onClick={() => void freeze()}>
            {t.tryExplain}
          </button>
        )}
      </div>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/jpeg,image/png,image/webp"
        data-testid="try-picture"
        onChange={(event) => {
          show(event.currentTarget.files?.[0]);
          event.currentTarget.value = ''; // The same file may be chosen again.
        }}
      />
      <Camera
        onVideo={(made) => {
          video.current = made;
        }}
      />
      {picture !== undefined && <img class="tried" src={picture} alt="" />}
      {wrong && (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      )}
      <ol class="predictions" data-testid="predictions">
        {found.slice(0, 5).map(({ label, probability }) => (
          <li key={label}>
            <span dir="auto">{shownName(label)}</span>
            <meter min={0} max={1} value={probability} aria-label={shownName(label)} />
            <b>{formatPercent(probability)}</b>
          </li>
        ))}
      </ol>
      {answer && (
        <>
          <ClassMaps explained={answer.explained} />
          <Neighbours
            key={picture}
            id={id}
            image={answer.image}
            isKnown={!server || server.data === 'sample'}
          />
          <FeatureMaps key={picture} explained={answer.explained} />
        </>
      )}
    </div>
  );
}
