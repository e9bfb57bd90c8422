/** A private certificate authority, and what it issues; made anew in each run, valid for a day. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const DAY_MS = 86_400_000;
const made = { keyType: 'ec', algorithm: 'sha256' } as const;

/** As PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export class Authority {
  readonly #own: KeyPair;

  static async create(name: string): Promise<Authority> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
      ...made,
      notAfterDate: new Date(Date.now() + DAY_MS),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new Authority({ key, cert });
  }

  private constructor(own: KeyPair) {
    this.#own = own;
  }

  get cert(): string {
    return this.#own.cert;
  }

  /** For servers at this address, and for clients. */
  async issue(name: string, ip: string): Promise<KeyPair> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
      ...made,
      ca: this.#own,
      notAfterDate: new Date(Date.now() + DAY_MS),
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip }] },
      ],
    });
    return { key, cert };
  }
}

/** Files for servers, in a folder of their own. */
export class CertificateFiles implements AsyncDisposable {
  readonly #folder: string;

  static async write(authority: Authority, { key, cert }: KeyPair): Promise<CertificateFiles> {
    const folder = await mkdtemp(join(tmpdir(), 'cfs-certificates-'));
    const files = { 'ca.crt': authority.cert, 'node.crt': cert, 'node.key': key };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(folder, name), text, { mode: 0o600 });
    }
    return new CertificateFiles(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Lines of redis.conf: TLS on every port and between nodes, and no client without a certificate.
   */
  configOf(port: number): string[] {
    return [
      'port 0',
      `tls-port ${port}`,
      'tls-cluster yes',
      'tls-replication yes',
      'tls-auth-clients yes',
      `tls-ca-cert-file "${join(this.#folder, 'ca.crt')}"`,
      `tls-cert-file "${join(this.#folder, 'node.crt')}"`,
      `tls-key-file "${join(this.#folder, 'node.key')}"`,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
