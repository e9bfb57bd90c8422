import { expect, test } from 'vitest';
import {
  DEFAULT_BATCH_FEATURES,
  DEFAULT_STREAMING_FEATURES,
} from '../../src/synthetic/synthetic-users.ts';

interface PageFeatures {
  readonly BATCH_FEATURES: readonly string[];
  readonly STREAMING_FEATURES: readonly string[];
  readonly TICKED_AT_FIRST: readonly string[];
  readonly kindOf: (name: string) => string;
}

test('the page and the server speak of the same features', async () => {
  const path = new URL('../../src/demo/page/features.js', import.meta.url).href;
  const page = (await import(path)) as PageFeatures;
  expect(page.BATCH_FEATURES).toEqual(DEFAULT_BATCH_FEATURES);
  expect(page.STREAMING_FEATURES).toEqual(DEFAULT_STREAMING_FEATURES);
  expect(page.TICKED_AT_FIRST.map(page.kindOf)).toEqual([
    'batch',
    'batch',
    'batch',
    'stream',
    'stream',
  ]);
  expect(page.kindOf('somebody_elses')).toBe('other');
});
