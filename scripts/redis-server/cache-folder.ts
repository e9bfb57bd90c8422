import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

const BUILT = 'built-';

/** Where built servers are kept: CLUSTER_FEATURE_STORE_CACHE, or the user's folder for caches. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env['CLUSTER_FEATURE_STORE_CACHE'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return envPaths('cluster-feature-store', { suffix: '' }).cache;
}

/** The folder that a finished build of this version gets. */
export function builtFolder(cache: string, version: string): string {
  return join(cache, `${BUILT}${version}`);
}

/** Servers that were built before, the newest version first. */
export async function builtServers(cache: string): Promise<string[]> {
  const names = await readdir(cache).catch(() => []);
  return names
    .filter((name) => name.startsWith(BUILT))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(cache, name, 'redis-server'));
}

export async function makeCacheFolder(cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
}
