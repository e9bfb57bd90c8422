// Which redis-server this machine uses, building one if need be. With --paths only the paths of server and client.
import { findRedisServer } from './redis-server/find.ts';

const { path, cliPath, version, flavour, hasHsetex, source } = await findRedisServer();
const field = hasHsetex ? 'HSETEX and HEXPIRE' : 'HEXPIRE';
console.log(
  process.argv.includes('--paths')
    ? `${path} ${cliPath ?? ''}`
    : `${flavour} ${version} (${source}): ${path}, with ${field}`,
);
