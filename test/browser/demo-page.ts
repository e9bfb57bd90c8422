/** The demo on the shared cluster, opened in Debian's chromium. */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { startDemo, type Demo } from '../../src/demo/demo-run.ts';

const SCREENSHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const TIMEOUT_MS = 10_000;
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface DemoPages {
  readonly demo: Demo;
  /**
   * Opens the page and waits until it shows the state. It is checked for errors when the test ends.
   */
  open(options?: OpenOptions): Promise<Page>;
  /** The worker writes nothing until the test has ended. */
  pauseWorker(): Promise<void>;
}

export interface OpenOptions extends BrowserContextOptions {
  /** A complaint of the console that the test provokes. */
  readonly expectedComplaint?: RegExp;
}

/** One demo and one browser for the tests of a file. */
export function demoPages(keyPrefix: string, streamingTtlSeconds = 300): () => DemoPages {
  let browser: Browser;
  let demo: Demo;
  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await chromium.launch({
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: CHROMIUM_FLAGS,
    });
    demo = await startDemo({
      store: { nodes: inject('clusterNodes'), keyPrefix, streamingTtlSeconds },
      host: '127.0.0.1',
      port: 0,
      usersPerTick: 50,
      seedUsers: 50,
      reset: true,
      print: () => undefined,
      log: () => undefined,
    });
  });
  afterAll(async () => {
    await browser.close();
    await demo.worker.stop();
    await demo.store.reset();
    await demo.close();
  });
  const open = async ({ expectedComplaint, ...options }: OpenOptions = {}): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      reducedMotion: 'reduce',
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    watch(page, demo.url, expectedComplaint);
    await page.goto(demo.url);
    await page.locator('#shard-rows tr').nth(2).waitFor();
    onTestFinished(() => context.close());
    return page;
  };
  const pauseWorker = async (): Promise<void> => {
    demo.worker.pause();
    onTestFinished(() => demo.worker.resume());
    expect(await demo.worker.waitForIdle(TIMEOUT_MS)).toBe(true);
  };
  return () => ({ demo, open, pauseWorker });
}

/** No error in the console, no exception, no request to anybody else. */
function watch(page: Page, url: string, expectedComplaint: RegExp | undefined): void {
  const wrongs: string[] = [];
  page.on('pageerror', ({ message }) => wrongs.push(`exception: ${message}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    if (!expectedComplaint?.test(message.text())) wrongs.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) wrongs.push(`request: ${request.url()}`);
  });
  onTestFinished(() => expect(wrongs).toEqual([]));
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}
