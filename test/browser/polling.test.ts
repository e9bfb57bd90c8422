import { expect, test } from 'vitest';
import { demoPages } from './demo-page.ts';

const pages = demoPages('test:browser-polling:');

test('a page that is not seen does not ask; when it is seen again it does so at once', async () => {
  const page = await pages().open();
  let askedCount = 0;
  const setHidden = (isHidden: boolean): Promise<unknown> =>
    page.evaluate(
      `Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
       document.dispatchEvent(new Event('visibilitychange'));`,
    );
  await page.clock.install();
  page.on('request', (request) => {
    if (request.url().endsWith('/state')) askedCount++;
  });
  await setHidden(true);
  await page.waitForLoadState('networkidle');
  askedCount = 0;
  await page.clock.runFor(60_000);
  expect(askedCount).toBe(0);
  await setHidden(false);
  await expect.poll(() => askedCount).toBe(1);
});

test('a server that does not answer is said not to, and forgotten when it does again', async () => {
  const page = await pages().open({ expectedComplaint: /status of 503/ });
  await page.route('**/state', (route) =>
    route.fulfill({ status: 503, json: { error: 'no shard' } }),
  );
  const status = page.locator('#status-text');
  await expect.poll(() => status.textContent(), { timeout: 5_000 }).toBe('no shard');
  expect(await page.locator('#status').getAttribute('data-kind')).toBe('error');
  expect(await page.locator('#mode-pill').getAttribute('data-server')).toBe('down');
  await page.unroute('**/state');
  await expect.poll(() => status.textContent(), { timeout: 5_000 }).toBe('Ready.');
  expect(await page.locator('#mode-pill').getAttribute('data-server')).toBe('up');
});
