/**
 * Looks names up again. A name may come to mean another server while the old one lives on, as a
 * replica whose rows grow stale: no connection is lost by that, and a caller that only reads meets
 * no error.
 */

import dns from 'node:dns';
import { isIP } from 'node:net';
import { clearTimeout, setTimeout } from '../../runtime/clock.ts';
import { parseAddress, type Address } from '../address.ts';

export interface NameWatchHost {
  /** Addresses that lanes lead to by their name. */
  addresses(): Iterable<Address>;
  /** Called with the hosts that the address has now. */
  onLookup(address: Address, hosts: ReadonlySet<string>): void;
}

export class NameWatch {
  readonly #host: NameWatchHost;
  readonly #everyMs: number;
  #next: NodeJS.Timeout | undefined;

  constructor(host: NameWatchHost, everyMs: number) {
    this.#host = host;
    this.#everyMs = everyMs;
    this.#lookLater();
  }

  close(): void {
    clearTimeout(this.#next);
  }

  #lookLater(): void {
    const jitter = 0.75 + Math.random() / 2;
    this.#next = setTimeout(() => {
      for (const address of new Set(this.#host.addresses())) this.#look(address);
      this.#lookLater();
    }, this.#everyMs * jitter).unref();
  }

  #look(address: Address): void {
    const name = parseAddress(address)?.host;
    if (name === undefined || isIP(name) !== 0) return;
    dns.lookup(name, { all: true }, (error, found) => {
      // What cannot be looked up now was right before.
      if (error !== null || found.length === 0) return;
      this.#host.onLookup(address, new Set(found.map((one) => one.address)));
    });
  }
}
