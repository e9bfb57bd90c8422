/**
 * The products that know field TTLs. Debian's source packages and the programs are named after
 * them.
 */
export type Flavour = 'redis' | 'valkey';

export interface Product {
  readonly title: string;
  /** Debian suites that have a version with field TTLs, the newest first. */
  readonly suites: readonly string[];
}

export const PRODUCTS: Readonly<Record<Flavour, Product>> = {
  redis: { title: 'Redis', suites: ['sid', 'trixie'] },
  valkey: { title: 'Valkey', suites: ['sid', 'testing'] },
};

export function programsOf(flavour: Flavour): string[] {
  return ['server', 'cli', 'benchmark'].map((tool) => `${flavour}-${tool}`);
}
