import { signal } from '@preact/signals';

/** What is chosen for all charts, by buttons and by keys. */
export const isLog = signal(false);
export const isSmooth = signal(false);
/** Grows when the whole run is asked for. */
export const resets = signal(0);

export function toggle(option: { value: boolean }): void {
  option.value = !option.value;
}
