import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { text } from '../../text/text.ts';

/** The camera, once for all places that show it. */
const stream = signal<MediaStream | undefined>(undefined);
export const isRefused = signal(false);

export async function openCamera(): Promise<void> {
  if (stream.value) return;
  try {
    const video = { width: { ideal: 640 }, facingMode: 'environment' };
    stream.value = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    isRefused.value = false;
  } catch {
    isRefused.value = true; // Files go on working.
  }
}

export function closeCamera(): void {
  for (const track of stream.value?.getTracks() ?? []) track.stop();
  stream.value = undefined;
}

export function isCameraOpen(): boolean {
  return stream.value !== undefined;
}

/** Takes the square in the middle of the picture of a camera. */
export async function takePicture(video: HTMLVideoElement): Promise<Blob | undefined> {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (side === 0) return undefined;
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d')!;
  context.drawImage(
    video,
    (video.videoWidth - side) / 2,
    (video.videoHeight - side) / 2,
    side,
    side,
    0,
    0,
    side,
    side,
  );
  return canvas.convertToBlob({ type: 'image/png' });
}

export function Camera({ onVideo }: { readonly onVideo: (video: HTMLVideoElement) => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const t = text();
  const source = stream.value;
  useEffect(() => {
    if (!video.current || !source) return;
    if (video.current.srcObject !== source) video.current.srcObject = source; // Setting it begins anew.
    onVideo(video.current);
  }, [source, onVideo]);
  useEffect(() => closeCamera, []);
  if (isRefused.value)
    return (
      <p class="trouble" role="alert" data-testid="camera-refused">
        {t.cameraRefused}
      </p>
    );
  if (!source) return null;
  return (
    <div class="camera">
      <video ref={video} autoPlay playsInline muted data-testid="camera" />
      <button type="button" onClick={closeCamera}>
        {t.cameraStop}
      </button>
    </div>
  );
}
