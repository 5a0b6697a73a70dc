import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { text } from '../text/text.ts';

/** A screen, or a part of one, that is fetched when somebody goes there. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const loaded = signal<ComponentType<Props> | undefined>(undefined);
  return function Later(props: Props) {
    const Screen = loaded.value;
    useEffect(() => {
      void load().then((screen) => {
        loaded.value = screen;
      });
    }, []);
    return Screen ? <Screen {...props} /> : <p class="empty">{text().loading}</p>;
  };
}
