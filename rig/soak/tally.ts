/** What a run of the workload did and saw. */

export interface Tally {
  readonly seed: number;
  /** Calls that read, and the rows that they gave. */
  reads: number;
  rows: number;
  wrongValues: number;
  wrongNulls: number;
  /** Rows of reads that failed, by code. */
  readonly failedRows: Record<string, number>;
  /** Rows that are no version's: half replaced, or with a feature that had been replaced. */
  wrongReplacements: number;
  /** Event times that went back after a newer one was acknowledged. */
  wrongTimes: number;
  /** Entities that `ifExists` made, or took for absent. */
  wrongGhosts: number;
  /** Calls that write, the rows that were acknowledged, and those that failed, by code. */
  writes: number;
  acknowledgedRows: number;
  readonly failedWrites: Record<string, number>;
  /** Acknowledged writes that were lost where Redis does not promise more, by cause. */
  readonly lostByCause: Record<string, number>;
  /** Acknowledged writes that were lost for no such reason. */
  lostWrites: number;
  /** Reads that saw the past although later reads saw the present. */
  staleReads: number;
  /** Writes of unknown outcome that came after a later one that was acknowledged. */
  overtakenWrites: number;
  /** Entities whose two TTL layers were looked at, and those where one was not as it must be. */
  ttlChecks: number;
  wrongTtls: number;
  /** By how much a call outlasted its deadline at most. */
  longestOverrunMs: number;
  /** The first of them, each with the entity's history. */
  readonly violations: string[];
}

const VIOLATIONS_KEPT = 20;

export function newTally(seed: number): Tally {
  return {
    seed,
    reads: 0,
    rows: 0,
    wrongValues: 0,
    wrongNulls: 0,
    wrongReplacements: 0,
    wrongTimes: 0,
    wrongGhosts: 0,
    failedRows: {},
    writes: 0,
    acknowledgedRows: 0,
    failedWrites: {},
    lostByCause: {},
    lostWrites: 0,
    staleReads: 0,
    overtakenWrites: 0,
    ttlChecks: 0,
    wrongTtls: 0,
    longestOverrunMs: 0,
    violations: [],
  };
}

export function count(counts: Record<string, number>, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/** All rows, writes and TTLs that were not as they must be. */
export function wrongCount(tally: Readonly<Tally>): number {
  const { wrongValues, wrongNulls, wrongReplacements, wrongTimes, wrongGhosts } = tally;
  const rows = wrongValues + wrongNulls + wrongReplacements + wrongTimes + wrongGhosts;
  return rows + tally.lostWrites + tally.wrongTtls;
}

export function addViolation(tally: Tally, what: string): void {
  if (tally.violations.length < VIOLATIONS_KEPT) tally.violations.push(what);
}

/** One line per fact. */
export function tallyLines(tally: Tally): string[] {
  return [
    `seed                        ${tally.seed}`,
    `rows checked                ${tally.rows} in ${tally.reads} reads`,
    `wrong values                ${tally.wrongValues}`,
    `wrong nulls                 ${tally.wrongNulls}`,
    `wrong replacements          ${tally.wrongReplacements}`,
    `event times that went back  ${tally.wrongTimes}`,
    `wrong ghosts                ${tally.wrongGhosts}`,
    `failed rows                 ${listed(tally.failedRows)}`,
    `acknowledged rows           ${tally.acknowledgedRows} in ${tally.writes} writes`,
    `failed writes, in rows      ${listed(tally.failedWrites)}`,
    `lost acknowledged writes    ${tally.lostWrites}`,
    `  where Redis may lose them ${listed(tally.lostByCause)}`,
    `stale reads                 ${tally.staleReads}`,
    `writes of unknown outcome that came late  ${tally.overtakenWrites}`,
    `TTL checks                  ${tally.ttlChecks}, wrong ${tally.wrongTtls}`,
    `longest overrun             ${tally.longestOverrunMs.toFixed(0)} ms`,
  ];
}

/**
 * What must not have happened. Every deadline was longer than a failover, so no row may fail
 * either.
 */
export function brokenPromises(tally: Readonly<Tally>): string[] {
  const failed = { ...tally.failedRows };
  const failedWrites = { ...tally.failedWrites };
  // Those were asked for.
  delete failed['ABORTED'];
  delete failedWrites['ABORTED'];
  const facts: readonly (readonly [string, number])[] = [
    ['rows with a wrong value', tally.wrongValues],
    ['rows absent that exist', tally.wrongNulls],
    ['rows of no version', tally.wrongReplacements],
    ['event times that went back', tally.wrongTimes],
    ['entities made or missed by ifExists', tally.wrongGhosts],
    ['acknowledged writes lost', tally.lostWrites],
    ['entities with a wrong TTL', tally.wrongTtls],
    [`rows failed: ${listed(failed)}`, total(failed)],
    [`writes failed: ${listed(failedWrites)}`, total(failedWrites)],
    ['other violations', tally.violations.length],
  ];
  return facts.filter(([, n]) => n > 0).map(([what, n]) => `${n} ${what}`);
}

export function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return '0';
  return `${total(counts)} (${entries.map(([name, n]) => `${name} ${n}`).join(', ')})`;
}
