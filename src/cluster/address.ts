/** A node's `host:port`, the name by which the whole package knows a node. IPv6 hosts stay bare. */

import { isIPv6 } from 'node:net';

export type Address = string;

export interface HostAndPort {
  readonly host: string;
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
  if (!(port >= 1 && port <= 65_535) || (host.includes(':') && !isIPv6(host))) return undefined;
  return { host, port };
}
