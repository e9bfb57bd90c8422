import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { demoPages, screenshot } from './demo-page.ts';

const pages = demoPages('test:browser-countdown:');

async function ttlOf(page: Page, field: string): Promise<string> {
  return page.locator(`#inspect-output tr[data-field=${field}] td`).nth(1).innerText();
}

test('a field TTL counts down between reads, and the value expires', async () => {
  const { demo, open, pauseWorker } = pages();
  await pauseWorker();
  await demo.store.updateStreaming('u0001', { tx_count_5m: 11 }, { ttlSeconds: 5 });
  const page = await open();
  await page.locator('#inspect-user').selectOption('u0001');
  await page.getByRole('button', { name: 'Inspect' }).click();
  await page.locator('#inspect-output table').waitFor();
  const seen = new Set<string>();
  await expect
    .poll(
      async () => {
        const ttl = await ttlOf(page, 'tx_count_5m');
        seen.add(ttl);
        return ttl;
      },
      { timeout: 8_000, interval: 100 },
    )
    .toBe('expired');
  expect([...seen].slice(-4)).toEqual(['3 s', '2 s', '1 s', 'expired']);
  const value = page.locator('#inspect-output tr[data-field=tx_count_5m] td').first();
  expect(await value.innerText()).toBe('expired');
  expect(await ttlOf(page, 'tx_count_7d')).toBe('no TTL');
  await screenshot(page, 'expired');
  await page.getByRole('button', { name: 'Inspect' }).click();
  await expect.poll(() => ttlOf(page, 'tx_count_5m')).toBe('missing');
});

test('with the key TTL every field expires', async () => {
  const { demo, open, pauseWorker } = pages();
  await pauseWorker();
  await demo.store.bulkLoad({ u0000: { country_iso: 'FR', tx_count_7d: 3 } }, { ttlSeconds: 3 });
  const page = await open();
  await page.locator('#inspect-user').selectOption('u0000');
  await page.getByRole('button', { name: 'Inspect' }).click();
  await page.locator('#inspect-output table').waitFor();
  const values = page.locator('#inspect-output td.value');
  await expect
    .poll(async () => (await values.allInnerTexts()).filter((text) => text === 'expired'), {
      timeout: 8_000,
    })
    .toHaveLength(2);
  await expect.poll(() => demo.store.keyTtlSeconds('u0000')).toBe(-2);
});
