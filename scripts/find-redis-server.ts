// Which redis-server this machine uses, building one if need be. With --valkey, which
// valkey-server. With --paths only the paths of server and client.
import { parseArgs } from 'node:util';
import { findServerOf } from '../rig/redis-server/find-flavour.ts';
import { findRedisServer } from '../rig/redis-server/find.ts';

const { values: flags } = parseArgs({
  options: { valkey: { type: 'boolean' }, paths: { type: 'boolean' } },
});
const server = await (flags.valkey === true ? findServerOf('valkey') : findRedisServer());
const { path, cliPath, version, flavour, hasHsetex, source } = server;
const field = hasHsetex ? 'HSETEX and HEXPIRE' : 'HEXPIRE';
console.log(
  flags.paths === true
    ? `${path} ${cliPath ?? ''}`
    : `${flavour} ${version} (${source}): ${path}, with ${field}`,
);
