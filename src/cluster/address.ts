/** A node's `host:port`, the name by which the whole package knows a node. IPv6 hosts stay bare. */

import { isIPv6 } from 'node:net';
import { MAX_PORT } from './limits.ts';

/** A node's `host:port`; an IPv6 host stands without brackets. */
export type Address = string;

/** Where a server listens. */
export interface HostAndPort {
  /** A host name or an IP address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

export function formatAddress({ host, port }: HostAndPort): Address {
  return `${host}:${port}`;
}

/**
 * Splits at the last colon, as `::1:7000` wants; nothing where there is no host or no valid port.
 */
export function parseAddress(address: string): HostAndPort | undefined {
  const [, text = '', digits] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  const host = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const port = Number(digits);
  if (!(port >= 1 && port <= MAX_PORT) || (host.includes(':') && !isIPv6(host))) return undefined;
  return { host, port };
}
