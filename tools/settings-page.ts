import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settingsPage } from '../src/train/settings/page.ts';

/** Writes docs/settings.md. */
writeFileSync(fileURLToPath(new URL('../../docs/settings.md', import.meta.url)), settingsPage());
