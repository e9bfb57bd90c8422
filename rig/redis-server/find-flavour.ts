// Which server of one product to run, where it matters which: what REDIS_SERVER names if it is of
// that product, else the nearest one.
//
//     REDIS_SERVER ─▶ PATH ─▶ cache ─▶ built from Debian's source
import { cacheFolder } from './cache-folder.ts';
import {
  builtCandidates,
  type FindOptions,
  findRedisServer,
  firstThatWorks,
  pathCandidate,
  type RedisServer,
} from './find.ts';
import { type Flavour, PRODUCTS } from './flavour.ts';
import { probeServer } from './probe.ts';

/** A server of this product with field TTLs. Rejects with what was tried where there is none. */
export async function findServerOf(
  flavour: Flavour,
  options: FindOptions = {},
): Promise<RedisServer> {
  const { env = process.env } = options;
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  if ((env['REDIS_SERVER'] ?? '') !== '') {
    const asked = await findRedisServer(options);
    if (asked.flavour === flavour) return asked;
  }
  const built = await builtCandidates(flavour, { cache: cacheFolder(env), log });
  return firstThatWorks([pathCandidate(flavour, env), ...built], env, async (path) => {
    const abilities = await probeServer(path);
    if (abilities.flavour === flavour) return abilities;
    const [is, wanted] = [PRODUCTS[abilities.flavour].title, PRODUCTS[flavour].title];
    throw new Error(`${path} is ${is} ${abilities.version}, not ${wanted}`);
  });
}
