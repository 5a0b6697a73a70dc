import type { ComponentChildren } from 'preact';
import { runOf, tabRuns, watchRun } from '../../app/runs.ts';
import { canTrain } from '../../lab/classes.ts';
import { text } from '../../text/text.ts';
import { Empty } from '../parts.tsx';
import { TryPanel } from '../try/panel.tsx';
import { NetworkStep } from './form.tsx';
import { HomeStep } from './home.tsx';
import { ImagesStep } from './images.tsx';
import { train, trainSample } from './start.ts';
import { classes, isStarting, labRun, source, trouble } from './state.ts';

function Step({
  number,
  title,
  children,
}: {
  readonly number: number;
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="card step" aria-labelledby={`step-${number}`}>
      <h2 id={`step-${number}`}>
        <span class="number" aria-hidden="true">
          {number}
        </span>
        {title}
      </h2>
      {children}
    </section>
  );
}

export function LabScreen() {
  const t = text();
  const isBusy = (tabRuns.value ?? []).some(({ isOwned }) => isOwned);
  const isReady = source.value === 'sample' || canTrain(classes.value);
  const id = labRun.value ?? tabRuns.value?.[0]?.id;
  const isTrained = id !== undefined && watchRun(id).checkpoint !== undefined && watchRun(id).steps > 0;
  const name = (id !== undefined && runOf(id)?.name) || '';
  return (
    <div class="lab">
      <div class="title">
        <h1>{t.labTitle}</h1>
      </div>
      <p class="note">{t.labIntro}</p>
      {!crossOriginIsolated && <p class="note">{t.notIsolated}</p>}
      {trouble.value && (
        <p class="trouble" role="alert" data-testid="trouble">
          {trouble.value.setting ? `${trouble.value.setting}: ` : ''}
          {trouble.value.message}
        </p>
      )}
      <div class="buttons">
        <button
          type="button"
          class="primary"
          data-testid="sample"
          disabled={isStarting.value || isBusy}
          onClick={() => void trainSample()}
        >
          {t.trainSample}
        </button>
      </div>
      <Step number={1} title={t.stepImages}>
        <ImagesStep />
      </Step>
      <Step number={2} title={t.stepNetwork}>
        <NetworkStep />
      </Step>
      <Step number={3} title={t.stepTrain}>
        {!isReady && <p class="note">{t.needTwoClasses}</p>}
        {isBusy && <p class="note">{t.busy}</p>}
        <button
          type="button"
          class="primary"
          data-testid="train"
          disabled={!isReady || isStarting.value || isBusy}
          onClick={() => void train()}
        >
          {t.train}
        </button>
        <output class="note">{isStarting.value ? t.starting : ''}</output>
      </Step>
      <Step number={4} title={t.stepTry}>
        {id !== undefined && isTrained ? (
          <TryPanel key={id} id={id} name={name} />
        ) : (
          <Empty>{t.tryEmpty}</Empty>
        )}
      </Step>
      <Step number={5} title={t.stepHome}>
        <HomeStep id={id} isReady={isTrained} />
      </Step>
    </div>
  );
}
