/** The Docker engine, as these tests need it. */

import { execa } from 'execa';

/** The image of the servers, here as in docker-compose.cluster.yml. */
export const REDIS_IMAGE: string = process.env['REDIS_IMAGE'] || 'redis:8';

/** Runs `docker …` and returns its lines; rejects with what it printed. */
export async function docker(...args: string[]): Promise<string[]> {
  const { stdout } = await execa('docker', args);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Throws when no engine answers: a test that needs one must not pass without it. */
export async function requireEngine(): Promise<void> {
  try {
    await docker('version', '--format', '{{.Server.Version}}');
  } catch (cause) {
    throw new Error(
      'these tests need a Docker engine, and none answers `docker version`. ' +
        'Start one, or leave them out: npx vitest run --project "!containers"',
      { cause },
    );
  }
}
