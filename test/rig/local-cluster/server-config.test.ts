import { expect, test } from 'vitest';
import {
  clusterConfig,
  nodeConfig,
  standaloneConfig,
} from '../../../rig/local-cluster/server-config.ts';

test('a server listens on the loopback, writes nothing, and syncs replicas at once', () => {
  expect(standaloneConfig()).toEqual(
    expect.arrayContaining([
      'bind 127.0.0.1',
      'save ""',
      'appendonly no',
      'repl-diskless-sync-delay 0',
    ]),
  );
});

test('a cluster node takes its limits from the options', () => {
  const lines = clusterConfig({ nodeTimeoutMs: 1234, requireFullCoverage: true });
  expect(lines).toContain('cluster-node-timeout 1234');
  expect(lines).toContain('cluster-require-full-coverage yes');
});

test('extra lines come last, so they win, and a folder with spaces and quotes survives', () => {
  const text = nodeConfig(7000, '/tmp/a "b" c', ['port 0', 'tls-port 7000']);
  expect(text).toContain(String.raw`dir "/tmp/a \"b\" c"`);
  expect(text.indexOf('port 7000')).toBeLessThan(text.indexOf('port 0'));
  expect(text.endsWith('tls-port 7000\n')).toBe(true);
});
