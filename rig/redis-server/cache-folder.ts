import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import envPaths from 'env-paths';
import type { Flavour } from './flavour.ts';

const BUILT: Readonly<Record<Flavour, string>> = { redis: 'built-', valkey: 'built-valkey-' };
const TLS = '-tls';

/** Where built servers are kept: CLUSTER_FEATURE_STORE_CACHE, or the user's folder for caches. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env['CLUSTER_FEATURE_STORE_CACHE'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return envPaths('cluster-feature-store', { suffix: '' }).cache;
}

/** The folder that a finished build of this version gets. With TLS it stands beside one without. */
export function builtFolder(
  cache: string,
  build: { readonly flavour: Flavour; readonly version: string; readonly tls: boolean },
): string {
  return join(cache, `${BUILT[build.flavour]}${build.version}${build.tls ? TLS : ''}`);
}

/** Servers of one product that were built before, the newest version first. */
export async function builtServers(cache: string, flavour: Flavour): Promise<string[]> {
  const prefix = BUILT[flavour];
  const names = await readdir(cache).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && /^\d/u.test(name.slice(prefix.length)))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(cache, name, `${flavour}-server`));
}

/** Whether a built server's folder says that it has TLS. */
export function isTlsBuild(path: string): boolean {
  return dirname(path).endsWith(TLS);
}

export async function makeCacheFolder(cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
}
