import type { PlacedFile } from 'densor/browser';
import { useRef, useState } from 'preact/hooks';
import { chosenFiles, droppedEntries, filesIn } from '../../app/dropped-files.ts';
import { shownName } from '../../app/format.ts';
import { classesOf, type ImageClass, imbalanceOf, joined } from '../../lab/classes.ts';
import { readZip, ZipError } from '../../lab/read-zip.ts';
import { text } from '../../text/text.ts';
import { Camera, isCameraOpen, openCamera, takePicture } from './camera.tsx';
import { classes, source, trouble } from './state.ts';

/** Adds what was chosen or dropped: folders, zips, pictures. */
async function addFiles(given: readonly PlacedFile[] | Promise<readonly PlacedFile[]>): Promise<void> {
  const t = text();
  trouble.value = undefined;
  let found: readonly ImageClass[] = [];
  try {
    const files = await given;
    for (const { path, file } of files.filter((each) => /\.zip$/i.test(each.path))) {
      try {
        found = joined(found, classesOf(await readZip(file)));
      } catch (error) {
        if (!(error instanceof ZipError)) throw error;
        trouble.value = { message: t.badFile(shownName(path), t[error.reason]) };
        return;
      }
    }
    found = joined(found, classesOf(files));
    if (found.length === 0) {
      trouble.value = { message: t.badFile(shownName(files[0]?.path ?? ''), t.noClasses) };
      return;
    }
    classes.value = joined(classes.value, found);
    source.value = 'files';
  } catch (error) {
    trouble.value = { message: (error as Error).message };
  }
}

export function ImagesStep() {
  const t = text();
  const folder = useRef<HTMLInputElement>(null);
  const zip = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [name, setName] = useState('');
  const video = useRef<HTMLVideoElement | undefined>(undefined);
  const imbalance = source.value === 'files' ? imbalanceOf(classes.value) : undefined;
  const choose = (input: HTMLInputElement) => {
    void addFiles(chosenFiles(input.files));
    input.value = '';
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void addFiles(filesIn(droppedEntries(event.dataTransfer)));
  };
  const addClass = () => {
    const trimmed = name.trim();
    if (!trimmed) return;
    classes.value = joined(classes.value, [{ name: trimmed, files: [] }]);
    source.value = 'files';
    setName('');
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same.
    <div
      class={`drop ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div class="buttons">
        <button
          type="button"
          aria-pressed={source.value === 'sample'}
          data-testid="choose-sample"
          onClick={() => {
            source.value = 'sample';
          }}
        >
          {t.sampleButton}
        </button>
        <button type="button" onClick={() => folder.current?.click()}>
          {t.folderButton}
        </button>
        <button type="button" onClick={() => zip.current?.click()}>
          {t.zipButton}
        </button>
        <button type="button" data-testid="open-camera" onClick={() => void openCamera()}>
          {t.cameraButton}
        </button>
      </div>
      <input
        ref={folder}
        type="file"
        hidden
        multiple
        data-testid="folder"
        onChange={(event) => choose(event.currentTarget)}
        {...{ webkitdirectory: true }}
      />
      <input
        ref={zip}
        type="file"
        hidden
        accept=".zip"
        data-testid="zip"
        onChange={(event) => choose(event.currentTarget)}
      />
      <p class="note">{source.value === 'sample' ? `${t.chosenSample} ${t.sampleText}.` : t.filesHow}</p>
      {source.value === 'sample' && <p class="note">{t.filesHow}</p>}
      <Camera
        onVideo={(made) => {
          video.current = made;
        }}
      />
      {imbalance && (
        <p class="trouble" role="status" data-testid="unbalanced">
          {t.unbalanced(
            shownName(imbalance.least.name),
            imbalance.least.files.length,
            shownName(imbalance.most.name),
            imbalance.most.files.length,
          )}
        </p>
      )}
      <ul class="classes">
        {classes.value.map((each) => (
          <ClassCard key={each.name} of={each} video={() => video.current} />
        ))}
      </ul>
      <form
        class="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          addClass();
        }}
      >
        <input
          data-testid="class-name"
          value={name}
          placeholder={t.className}
          aria-label={t.className}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" data-testid="add-class">
          {t.addClass}
        </button>
      </form>
    </div>
  );
}

const SHOWN_PICTURES = 6;
/** Pictures a second while the button is held. */
const PICTURE_MS = 100;

function ClassCard({
  of: { name, files },
  video,
}: {
  readonly of: ImageClass;
  readonly video: () => HTMLVideoElement | undefined;
}) {
  const t = text();
  const input = useRef<HTMLInputElement>(null);
  const taking = useRef<ReturnType<typeof setInterval> | undefined>(undefined);
  const said = shownName(name);
  const add = (more: readonly Blob[]) => {
    classes.value = joined(classes.value, [{ name, files: more }]);
    source.value = 'files';
  };
  const take = async () => {
    const from = video();
    const picture = from && (await takePicture(from));
    if (picture) add([picture]);
  };
  const stop = () => clearInterval(taking.current);
  const start = () => {
    stop();
    void take();
    taking.current = setInterval(() => void take(), PICTURE_MS);
  };
  return (
    <li class="card" data-testid="class">
      <div class="title">
        <h3 dir="auto">{said}</h3>
        <span class="note" data-testid="class-count">
          {t.pictures(files.length)}
        </span>
        <button
          type="button"
          aria-label={t.removeClass(said)}
          onClick={() => {
            classes.value = classes.value.filter((each) => each.name !== name);
          }}
        >
          ×
        </button>
      </div>
      <div class="thumbs">
        {files.slice(-SHOWN_PICTURES).map((file, i) => (
          <Thumb key={`${files.length}-${i}`} file={file} />
        ))}
      </div>
      <div class="buttons">
        <button type="button" aria-label={t.addPictures(said)} onClick={() => input.current?.click()}>
          {t.filesButton}
        </button>
        {isCameraOpen() && (
          <button
            type="button"
            data-testid="take"
            aria-label={t.takePicture(said)}
            onPointerDown={start}
            onPointerUp={stop}
            onPointerLeave={stop}
            onKeyDown={(event) => {
              if (event.key === 'Enter' || event.key === ' ') void take();
            }}
          >
            {t.cameraButton}
          </button>
        )}
      </div>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept="image/jpeg,image/png,image/webp"
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </li>
  );
}

function Thumb({ file }: { readonly file: Blob }) {
  const show = (image: HTMLImageElement | null) => {
    if (!image || image.src) return;
    image.src = URL.createObjectURL(file);
    image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
  };
  return <img ref={show} alt="" width="40" height="40" />;
}
