import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { demoPages, screenshot } from './demo-page.ts';

const pages = demoPages('test:browser-access:');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  readonly violations: { readonly id: string; readonly nodes: { readonly html: string }[] }[];
}

/** What axe finds wrong, as `rule: element`. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const result = (await page.evaluate('axe.run()')) as AxeResult;
  return result.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Shows something in every panel. */
async function fill(page: Page): Promise<void> {
  for (const name of ['Pipeline HMGET', 'Read features', 'Inspect', 'Bulk-load']) {
    await page.getByRole('button', { name, exact: true }).click();
  }
  for (const shown of ['#split', '#read-output table', '#inspect-output table', '#load-result']) {
    await page.locator(shown).waitFor();
  }
}

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test.each([1280, 820, 390])(
    'axe finds nothing at %d pixels, and nothing is cut off',
    async (width) => {
      const page = await pages().open({ colorScheme, viewport: { width, height: 900 } });
      expect(await violationsOf(page)).toEqual([]);
      await fill(page);
      await screenshot(page, `page-${colorScheme}-${width}`);
      expect(await violationsOf(page)).toEqual([]);
      const scrollWidth = await page.evaluate('document.documentElement.scrollWidth');
      expect(scrollWidth).toBe(width);
    },
  );

  test('axe finds nothing in the dialog, nor while the worker is paused', async () => {
    const page = await pages().open({ colorScheme });
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => page.locator('#worker-state').innerText()).toBe('paused');
    await page.getByRole('button', { name: 'Reset…' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await screenshot(page, `dialog-${colorScheme}`);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => page.locator('#worker-state').innerText()).toBe('running');
  });
});

async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(
      'document.activeElement.id || document.activeElement.name || document.activeElement.textContent',
    ),
  );
}

/** Presses Tab until the focus is there; a round without it is an error. */
async function tabTo(page: Page, target: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)).trim() === target) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never came to ${target}`);
}

test('everything can be done with the keyboard alone', async () => {
  const { demo, open } = pages();
  const page = await open();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the panels');
  await page.keyboard.press('Enter');
  expect(await focused(page)).toBe('panels');

  await tabTo(page, 'count');
  await page.keyboard.type('55');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('#load-result').textContent()).toMatch(/^Loaded 55 users/);

  await tabTo(page, 'worker-toggle');
  await page.keyboard.press('Space');
  await expect.poll(() => demo.worker.state).toBe('paused');
  expect(await focused(page)).toBe('worker-toggle');
  await expect.poll(() => page.locator('#worker-toggle').getAttribute('aria-disabled')).toBeNull();
  await page.keyboard.press('Space');
  await expect.poll(() => demo.worker.state).toBe('running');

  await tabTo(page, 'field');
  await page.keyboard.press('Space');
  await tabTo(page, 'read-user');
  await page.keyboard.type('u0003');
  await tabTo(page, 'Read features');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /^u0003, as of/ }).waitFor();
  expect(await page.locator('#read-output tr[data-field=country_iso]').count()).toBe(1);

  await tabTo(page, 'Pipeline HMGET');
  await page.keyboard.press('Space');
  await page.locator('#split').waitFor();
  await tabTo(page, 'Inspect');
  await page.keyboard.press('Enter');
  await page.locator('#inspect-output table').waitFor();
});

test('the dialog has the focus, begins with what does no harm, and gives the focus back', async () => {
  const { demo, open } = pages();
  const page = await open();
  await tabTo(page, 'reset-open');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  expect(await focused(page)).toBe('reset-cancel');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  expect(await focused(page)).toBe('reset-open');
  expect(await demo.store.countEntities()).toBeGreaterThan(0);
});

test('what has the focus is seen to have it', async () => {
  const page = await pages().open();
  for (const target of ['reset-open', 'worker-toggle', 'read-user']) {
    await tabTo(page, target);
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
  }
});
