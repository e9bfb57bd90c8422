import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { demoPages, screenshot } from './demo-page.ts';

const KEY_PREFIX = 'test:browser-panels:';
const pages = demoPages(KEY_PREFIX);

async function statusBecomes(page: Page, text: RegExp, kind = 'ok'): Promise<void> {
  await expect.poll(() => page.locator('#status-text').textContent()).toMatch(text);
  expect(await page.locator('#status').getAttribute('data-kind')).toBe(kind);
}

async function rowsOf(page: Page, table: string): Promise<string[][]> {
  const rows = await page.locator(`${table} tbody tr`).all();
  return Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()));
}

test('store state: eight numbers that go on by themselves', async () => {
  const page = await pages().open();
  expect(await page.locator('#state-tiles dt').allInnerTexts()).toEqual([
    'Users in store',
    'Key prefix',
    'Batch TTL',
    'Streaming TTL',
    'Batch writes',
    'Streaming writes',
    'Reads',
    'Fields returned',
  ]);
  const values = await page.locator('#state-tiles dd').allInnerTexts();
  expect(values.slice(0, 4)).toEqual(['50', `${KEY_PREFIX}*`, '86,400 s', '300 s']);
  const writes = page.locator('#tile-stream-writes');
  const before = await writes.innerText();
  await expect.poll(() => writes.innerText(), { timeout: 5_000 }).not.toBe(before);
});

test('cluster: every shard with its replica, its slots and its users', async () => {
  const { demo, open } = pages();
  // A replica is in the table once the node that was asked knows of it.
  await expect
    .poll(async () => (await demo.store.topology({ refresh: true })).shards, { timeout: 10_000 })
    .toMatchObject(Array.from({ length: 3 }, () => ({ replicas: [expect.any(String)] })));
  const page = await open();
  const { shards } = await demo.store.topology();
  const counts = await demo.store.countEntitiesByShard();
  const rows = await rowsOf(page, '.shards');
  expect(rows).toHaveLength(shards.length);
  for (const [index, { address, slotCount }] of shards.entries()) {
    const [nodes, slots, users] = rows[index] ?? [];
    expect(nodes).toContain(`${address} primary`);
    expect(slots).toContain(`${slotCount.toLocaleString('en')} slots`);
    expect(users).toBe(String(counts[address]));
  }
  expect(await page.locator('.replica').count()).toBe(3);
  expect(await page.locator('#slot-track').getAttribute('aria-label')).toMatch(/owns 33\.3%/);
});

test('materialize: loads as many as asked, for as long as asked', async () => {
  const { demo, open } = pages();
  const page = await open();
  await page.getByLabel('Users', { exact: true }).first().fill('60');
  await page.getByLabel('TTL in seconds').fill('3600');
  await page.getByRole('button', { name: 'Bulk-load' }).click();
  await statusBecomes(page, /^Loaded 60 users for 3,600 s in \d+\.\d\d ms\.$/);
  await expect.poll(() => page.locator('#tile-users').innerText()).toBe('60');
  const ttlSeconds = await demo.store.keyTtlSeconds('u0060');
  expect(ttlSeconds).toBeLessThanOrEqual(3_600);
  expect(ttlSeconds).toBeGreaterThan(3_500);
});

test('the browser itself refuses numbers out of range', async () => {
  const page = await pages().open();
  await page.getByLabel('TTL in seconds').fill('1');
  await page.getByRole('button', { name: 'Bulk-load' }).click();
  expect(await page.locator('#load-form [name=ttl]:invalid').count()).toBe(1);
  expect(await page.locator('#load-result').isHidden()).toBe(true);
});

test('reset: asks first, deletes everybody, and the counters begin anew', async () => {
  const { demo, open } = pages();
  const page = await open();
  const dialog = page.getByRole('dialog', { name: 'Delete every user?' });
  await page.getByRole('button', { name: 'Reset…' }).click();
  await dialog.waitFor();
  await dialog.getByRole('button', { name: 'Keep them' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await demo.store.countEntities()).toBeGreaterThan(0);

  await page.getByRole('button', { name: 'Reset…' }).click();
  await dialog.getByRole('button', { name: 'Delete all' }).click();
  await statusBecomes(page, /^Deleted \d+ keys\.$/);
  await expect.poll(() => page.locator('#tile-users').innerText()).toBe('0');
  expect(await page.locator('#tile-batch-writes').innerText()).toBe('0');
  expect(await page.locator('#worker-state').innerText()).toBe('running');

  await page.getByRole('button', { name: 'Pipeline HMGET' }).click();
  await statusBecomes(page, /^Read 5 features of 0 users/);
  await page.getByRole('button', { name: 'Bulk-load' }).click();
  await expect.poll(() => page.locator('#tile-users').innerText()).toBe('200');
});

test('streaming worker: pauses and resumes', async () => {
  const { demo, open } = pages();
  const page = await open();
  const badge = page.locator('#worker-state');
  expect(await badge.innerText()).toBe('running');
  await page.getByRole('button', { name: 'Pause' }).click();
  await statusBecomes(page, /^The streaming worker is paused\.$/);
  expect([await badge.innerText(), demo.worker.state]).toEqual(['paused', 'paused']);
  await demo.worker.waitForIdle(5_000);
  const ticks = demo.worker.tickCount.toLocaleString('en');
  // A tick that was under way is shown by the page's next poll.
  await expect
    .poll(() => page.locator('#worker-ticks').innerText(), { timeout: 5_000 })
    .toBe(ticks);
  await page.getByRole('button', { name: 'Resume' }).click();
  await statusBecomes(page, /^The streaming worker is running\.$/);
  await expect
    .poll(() => page.locator('#worker-ticks').innerText(), { timeout: 5_000 })
    .not.toBe(ticks);
});

describe('inference read', () => {
  test('reads the ticked features of the chosen user, with TTLs and the shard', async () => {
    const { demo, open } = pages();
    const page = await open();
    const ticked = await page.locator('#feature-boxes input:checked').all();
    expect(await Promise.all(ticked.map((box) => box.inputValue()))).toEqual([
      'risk_segment',
      'tx_count_7d',
      'avg_amount_30d',
      'tx_count_5m',
      'failed_logins_15m',
    ]);
    await demo.store.updateStreaming('u0007', { tx_count_5m: 3, failed_logins_15m: 0 });
    await page.getByLabel('avg_amount_30d').uncheck();
    await page.locator('#read-user').selectOption('u0007');
    await page.getByRole('button', { name: 'Read features' }).click();
    await statusBecomes(page, /^Read 4 of 4 features of u0007 in \d+\.\d\d ms\.$/);
    const rows = await rowsOf(page, '#read-output');
    expect(rows.map(([feature]) => feature)).toEqual([
      'risk_segment batch',
      'tx_count_7d batch',
      'tx_count_5m stream',
      'failed_logins_15m stream',
    ]);
    const values = await demo.store.getFeatures('u0007', ['risk_segment', 'tx_count_7d']);
    expect(rows[0]).toEqual([rows[0]?.[0], values['risk_segment'], 'no TTL']);
    expect(rows[2]?.[2]).toMatch(/^(300|29\d) s$/);
    const facts = await page.locator('#read-output .facts').innerText();
    expect(facts).toContain(demo.store.shardFor('u0007'));
    expect(facts).toContain(String(demo.store.slotFor('u0007')));
    await screenshot(page, 'inference-read');
  });

  test('keeps the chosen user while the page refreshes, even when he is gone', async () => {
    const { demo, open, pauseWorker } = pages();
    await pauseWorker();
    const page = await open();
    await page.locator('#read-user').selectOption('u0009');
    await demo.store.deleteEntity('u0009');
    await expect
      .poll(() => page.locator('#inspect-user option[value=u0009]').count(), { timeout: 5_000 })
      .toBe(0);
    expect(await page.locator('#read-user').inputValue()).toBe('u0009');
    await page.getByRole('button', { name: 'Read features' }).click();
    await statusBecomes(page, /^Read 0 of 5 features of u0009/);
    expect((await rowsOf(page, '#read-output')).map(([, , ttl]) => ttl)).toEqual(
      Array.from({ length: 5 }, () => 'missing'),
    );
  });

  test('without a tick nothing is read', async () => {
    const page = await pages().open();
    for (const box of await page.locator('#feature-boxes input').all()) await box.uncheck();
    await page.getByRole('button', { name: 'Read features' }).click();
    await statusBecomes(page, /^Read 0 of 0 features/);
    expect(await page.locator('#read-output .empty').innerText()).toBe('No feature is ticked.');
  });
});

test('batch scoring: who was read, how long, and how it was split', async () => {
  const { demo, open } = pages();
  const page = await open();
  expect(await page.locator('#split').isHidden()).toBe(true);
  await page.locator('#batch-form [name=count]').fill('40');
  await page.getByRole('button', { name: 'Pipeline HMGET' }).click();
  await statusBecomes(page, /^Read 5 features of 40 users in \d+\.\d\d ms\.$/);
  const facts = await page.locator('#batch-output .facts').innerText();
  expect(facts).toMatch(/Per user\s+\d+\.\d{3} ms/);
  const sample = await rowsOf(page, '#batch-output');
  expect(sample).toHaveLength(10);
  expect(sample[0]?.[1]).toMatch(/^[345] of 5$/);

  const addresses = (await demo.store.topology()).shards.map(({ address }) => address);
  const lanes = page.locator('#split-lanes .lane[data-lane]');
  expect((await lanes.locator('.lane-name').allInnerTexts()).sort()).toEqual(
    [...addresses, 'whole call'].sort(),
  );
  const idCounts = (await lanes.locator('.lane-ids').allInnerTexts()).map((text) =>
    Number.parseInt(text, 10),
  );
  expect(idCounts.slice(0, 3).reduce((sum, idCount) => sum + idCount, 0)).toBe(40);
  const whole = await lanes.nth(3).locator('.bar-fill').boundingBox();
  for (const index of [0, 1, 2]) {
    const bar = await lanes.nth(index).locator('.bar-fill').boundingBox();
    expect(bar?.width).toBeGreaterThan(0);
    expect((bar?.x ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(
      (whole?.x ?? 0) + (whole?.width ?? 0) + 2,
    );
  }
  await screenshot(page, 'batch-read');
});

test('inspect: every field, missing ones too, and never as HTML', async () => {
  const { demo, open, pauseWorker } = pages();
  await pauseWorker();
  const text = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
  await demo.store.bulkLoad({ u0000: { note: text, country_iso: 'FR' } });
  const page = await open();
  await page.locator('#inspect-user').selectOption('u0000');
  await page.getByRole('button', { name: 'Inspect' }).click();
  await statusBecomes(page, /^u0000 has \d+ fields\.$/);
  const rows = await rowsOf(page, '#inspect-output');
  expect(rows.find(([name]) => name === 'note other')).toEqual(['note other', text, 'no TTL']);
  expect(rows.find(([name]) => name === 'risk_segment batch')?.slice(1)).toEqual(['–', 'missing']);
  await demo.store.deleteEntity('u0000');
  await page.getByRole('button', { name: 'Inspect' }).click();
  await statusBecomes(page, /^u0000 is missing/);
  expect(await page.locator('#inspect-output table').count()).toBe(0);
});
