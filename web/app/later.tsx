import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { text } from '../text/text.ts';

/** A screen that is fetched when somebody goes there. */
export function later(load: () => Promise<ComponentType>): ComponentType {
  const loaded = signal<ComponentType | undefined>(undefined);
  return function Later() {
    const Screen = loaded.value;
    useEffect(() => {
      void load().then((screen) => {
        loaded.value = screen;
      });
    }, []);
    return Screen ? <Screen /> : <p class="empty">{text().loading}</p>;
  };
}
