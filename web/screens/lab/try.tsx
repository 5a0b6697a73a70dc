import type { Prediction } from 'densor/browser';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatPercent, shownName } from '../../app/format.ts';
import { sentenceOf } from '../../app/sentence.ts';
import { askLab } from '../../lab/client.ts';
import { text } from '../../text/text.ts';
import { Empty } from '../parts.tsx';
import { Camera, isCameraOpen, openCamera, takePicture } from './camera.tsx';

const CAMERA_MS = 300;

/** Asks the network of a run about pictures. */
export function TryStep({
  id,
  name,
  isReady,
}: {
  readonly id: string | undefined;
  readonly name: string;
  readonly isReady: boolean;
}) {
  const t = text();
  const input = useRef<HTMLInputElement>(null);
  const [picture, setPicture] = useState<string | undefined>(undefined);
  const [found, setFound] = useState<readonly Prediction[]>([]);
  const [wrong, setWrong] = useState('');
  const video = useRef<HTMLVideoElement | undefined>(undefined);
  const isAsking = useRef(false);
  const ask = async (image: Blob) => {
    if (!id || isAsking.current) return;
    isAsking.current = true;
    try {
      setFound((await askLab('predict', { id, image })).predictions);
      setWrong('');
    } catch (error) {
      setWrong(sentenceOf((error as Error).message));
    } finally {
      isAsking.current = false;
    }
  };
  useEffect(() => {
    const timer = setInterval(async () => {
      if (!isCameraOpen() || !video.current) return;
      const frame = await takePicture(video.current);
      if (frame) await ask(frame);
    }, CAMERA_MS);
    return () => clearInterval(timer);
  });
  if (!id || !isReady) return <Empty>{t.tryEmpty}</Empty>;
  const choose = (file: File | undefined) => {
    if (!file) return;
    setPicture(URL.createObjectURL(file));
    void ask(file);
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
        <button type="button" onClick={() => void openCamera()}>
          {t.cameraButton}
        </button>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/jpeg,image/png,image/webp"
        data-testid="try-picture"
        onChange={(event) => choose(event.currentTarget.files?.[0])}
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
    </div>
  );
}
