/** One value of a redis.conf line, quoted so that spaces and quotes in it survive. */
export function quoteConfig(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/**
 * Lines for any local server: on the loopback only, nothing written to disk, and gone at once when
 * told to stop. The sync delay is 0 because a replica that has not finished its first sync can
 * never take over.
 */
export function standaloneConfig(): string[] {
  return [
    'bind 127.0.0.1',
    'save ""',
    'appendonly no',
    'shutdown-timeout 0',
    'enable-debug-command local',
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
  ];
}

export interface ClusterConfig {
  readonly nodeTimeoutMs: number;
  readonly requireFullCoverage: boolean;
}

/** Lines for a node of a local cluster. */
export function clusterConfig(options: ClusterConfig): string[] {
  return [
    ...standaloneConfig(),
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-announce-ip 127.0.0.1',
    `cluster-node-timeout ${options.nodeTimeoutMs}`,
    `cluster-require-full-coverage ${options.requireFullCoverage ? 'yes' : 'no'}`,
  ];
}

/** A whole redis.conf. `extra` comes last, so it wins over what is set here. */
export function nodeConfig(port: number, dir: string, extra: readonly string[]): string {
  const own = [
    `port ${port}`,
    `dir ${quoteConfig(dir)}`,
    'pidfile redis.pid',
    'daemonize no',
    'logfile ""',
  ];
  return `${[...own, ...extra].join('\n')}\n`;
}
