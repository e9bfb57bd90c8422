/**
 * Runs contenders in turns, A B C A B C …, so that what slows the machine for a while slows all of
 * them.
 *
 *   warm-up and check of rows ─▶ round 1: A B C ─▶ round 2: B C A ─▶ …
 *
 * Garbage is collected before each turn: nobody pays for what another one left behind. That also
 * throws away compiled code, and what is measured right after it is V8's compiler (2.3 µs per id,
 * 1.5 once it is done): so a turn begins with some operations that are not measured. Each round
 * begins with another contender, so that nobody always follows the same one.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CpuMeter } from './cpu-meter.ts';
import type { Cell, Sample } from './measurement.ts';
import type { TargetKind } from './rival.ts';
import { latenciesOf } from './statistics.ts';

export interface Contender {
  readonly name: string;
  readonly idsPerOperation: number;
  /** One operation; `turn` counts them. */
  run(turn: number): Promise<unknown>;
  /** Throws when a row is wrong. Called once, in the warm-up. */
  check?(): Promise<void>;
  /** Called before its turn; what it gives is called after it. */
  begin?(): Promise<() => Promise<void>>;
  /** Where its servers are others than those of the rest. */
  readonly meter?: CpuMeter;
  /** Measures itself, in place of `run`: another process. */
  measure?(): Promise<{ readonly ids: number; readonly elapsedMs: number }>;
}

export interface Rounds {
  readonly work: string;
  readonly target: TargetKind;
  readonly rounds: number;
  /** A turn takes at least this long, and at least one operation. */
  readonly turnMs: number;
  /** Operations under way at once. */
  readonly concurrency: number;
}

/** V8 has compiled what it will by then. */
const WARM_UP_MS = 300;
/** Of each turn, not measured. */
export const TURN_WARM_UP_MS = 300;
/** From so many ids on, one operation is long enough to be its own warm-up. */
const CHECK_IS_WARM_UP = 50_000;

setFlagsFromString('--expose-gc');
export const collectGarbage: () => void = runInNewContext('gc');

export async function interleave(
  contenders: readonly Contender[],
  settings: Rounds,
  meter: CpuMeter,
): Promise<Cell[]> {
  const samples = contenders.map((): Sample[] => []);
  const latencies = contenders.map((): number[] => []);
  for (const contender of contenders) {
    await contender.check?.();
    if (contender.check && contender.idsPerOperation >= CHECK_IS_WARM_UP) continue;
    const turnMs = Math.max(settings.turnMs, WARM_UP_MS);
    await takeTurn(contender, { ...settings, turnMs }, meter, []);
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (let step = 0; step < contenders.length; step++) {
      const at = (round + step) % contenders.length;
      const contender = contenders[at];
      if (!contender) continue;
      samples[at]?.push(await takeTurn(contender, settings, meter, latencies[at] ?? []));
    }
  }
  return contenders.map((contender, at) => ({
    work: settings.work,
    target: settings.target,
    contender: contender.name,
    idsPerOperation: contender.idsPerOperation,
    samples: samples[at] ?? [],
    pooledLatencyMs: latenciesOf(latencies[at] ?? []),
  }));
}

async function takeTurn(
  contender: Contender,
  settings: Rounds,
  targetMeter: CpuMeter,
  pooled: number[],
): Promise<Sample> {
  const meter = contender.meter ?? targetMeter;
  collectGarbage();
  const end = await contender.begin?.();
  if (!contender.measure && contender.idsPerOperation < CHECK_IS_WARM_UP) {
    await operate(contender, { ...settings, turnMs: TURN_WARM_UP_MS });
  }
  const before = await meter.read();
  const own = await contender.measure?.();
  const { latenciesMs, elapsedMs } = own
    ? { latenciesMs: [], elapsedMs: own.elapsedMs }
    : await operate(contender, settings);
  const after = await meter.read();
  await end?.();
  for (const latencyMs of latenciesMs) pooled.push(latencyMs);
  return {
    operations: latenciesMs.length,
    ids: own?.ids ?? latenciesMs.length * contender.idsPerOperation,
    elapsedMs,
    latencyMs: latenciesOf(latenciesMs),
    clientCpuUs: after.clientUs - before.clientUs,
    serverCpuUs: after.primariesUs.map((cpuUs, at) => cpuUs - (before.primariesUs[at] ?? 0)),
    replicaCpuUs: after.replicasUs - before.replicasUs,
  };
}

/** Operations one after the other in each of `concurrency` lines, until the time is up. */
async function operate(
  contender: Contender,
  { turnMs, concurrency }: Rounds,
): Promise<{ latenciesMs: number[]; elapsedMs: number }> {
  const latenciesMs: number[] = [];
  const startedAtMs = performance.now();
  let turn = 0;
  const line = async (): Promise<void> => {
    do {
      const beganAtMs = performance.now();
      await contender.run(turn++);
      latenciesMs.push(performance.now() - beganAtMs);
    } while (performance.now() - startedAtMs < turnMs);
  };
  await Promise.all(Array.from({ length: concurrency }, line));
  return { latenciesMs, elapsedMs: performance.now() - startedAtMs };
}
