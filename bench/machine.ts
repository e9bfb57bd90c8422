/** What the figures were measured on. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Machine } from './measurement.ts';

const CLIENTS = ['ioredis', 'iovalkey', 'redis', '@valkey/valkey-glide'] as const;

export function describeMachine(server: string): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    server,
    clients: Object.fromEntries(CLIENTS.map((name) => [name, versionOf(name)])),
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}

/** The commit that was measured, with a `+` where the files differ from it. */
export function commitOf(root: URL): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : '+';
    return git('rev-parse', '--short', 'HEAD') + changed;
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      const text = readFileSync(`${folder}/${name}/package.json`, 'utf8');
      const { version }: { version?: unknown } = JSON.parse(text);
      return String(version);
    } catch {
      // Not in this folder.
    }
  }
  return 'unknown';
}
