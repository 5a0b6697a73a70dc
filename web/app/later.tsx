import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { text } from '../text/text.ts';

/** A screen, or a part of one, that is fetched when somebody goes there. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | undefined>(undefined);
  const failure = signal<Error | undefined>(undefined);
  return function Later(props: Props) {
    const Screen = loaded.value;
    useEffect(() => {
      failure.value = undefined;
      load().then(
        (screen) => {
          loaded.value = screen;
        },
        (error: Error) => {
          failure.value = error;
        },
      );
    }, []);
    if (failure.value) return <p class="trouble">{failure.value.message}</p>;
    return Screen ? <Screen {...props} /> : <p class="empty">{text().loading}</p>;
  };
}
