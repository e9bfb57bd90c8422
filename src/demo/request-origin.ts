/**
 * Who may talk to a server that has no log-in and listens on the loopback interface: this machine's
 * own user, not a web page that this user happens to have open.
 *
 * - A page of another site can send requests here, and by DNS rebinding (a name of its own that
 *   suddenly means 127.0.0.1) read the replies. An IP address or `localhost` in Host cannot be
 *   rebound, so any other name is refused.
 * - A page cannot forge Origin and Sec-Fetch-Site. A write that carries them must come from our
 *   page. Clients such as curl send neither.
 */

import { isIP } from 'node:net';

export interface RequestHead {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why the request is refused, if it is. @param ownName the name that the server listens on */
export function refusalOf(head: RequestHead, ownName: string): string | undefined {
  const own = parseUrl(`http://${head.host ?? ''}`);
  if (!own || !isOwnName(own.hostname, ownName)) {
    return 'the Host of the request is not this server; open it by its IP address or as localhost';
  }
  if (SAFE_METHODS.has(head.method)) return undefined;
  const { origin, secFetchSite } = head;
  if (origin !== undefined && !isSameHost(origin, head.host ?? '')) {
    return 'writes are accepted from the page of this server only; the Origin is another';
  }
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') {
    return 'writes are accepted from the page of this server only; Sec-Fetch-Site is another';
  }
  return undefined;
}

function isOwnName(name: string, ownName: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === ownName.toLowerCase() || isIP(bare) !== 0;
}

function isSameHost(origin: string, host: string): boolean {
  const from = parseUrl(origin);
  if (from?.protocol !== 'http:' && from?.protocol !== 'https:') return false;
  return from.host === parseUrl(`${from.protocol}//${host}`)?.host;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
