// npm run demo: the development cluster, and the demo server on it. Flags go to the demo server;
// when they or FSTORE_NODES say which nodes to use, no cluster is started. The cluster outlives the
// demo, for the next one.
import { ensureDevCluster } from '../rig/local-cluster/dev-cluster.ts';

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const flags = process.argv.slice(2);
const standsAlone = flags.some((flag) => /^(--nodes(=|$)|--help$|-h$)/.test(flag));

if (!standsAlone && !process.env['FSTORE_NODES']) {
  const urls = await ensureDevCluster({ log });
  log('The cluster goes on when the demo ends; `npm run cluster -- down` ends it.');
  process.argv.push('--nodes', urls.join(','));
}
await import('../src/demo/main.ts');
