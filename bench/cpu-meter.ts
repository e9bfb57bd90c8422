/** CPU time of both sides: this process's own, and each server's by its word (INFO cpu). */

import { Redis } from 'ioredis';
import type { BenchTarget } from './bench-servers.ts';

export interface CpuReading {
  readonly clientUs: number;
  readonly primariesUs: readonly number[];
  readonly replicasUs: number;
}

export class CpuMeter {
  readonly #primaries: readonly Redis[];
  readonly #replicas: readonly Redis[];

  constructor({ primaries, replicas }: BenchTarget) {
    this.#primaries = primaries.map((node) => new Redis({ ...node }));
    this.#replicas = replicas.map((node) => new Redis({ ...node }));
  }

  async read(): Promise<CpuReading> {
    const [primariesUs, replicas] = await Promise.all([
      Promise.all(this.#primaries.map(cpuOf)),
      Promise.all(this.#replicas.map(cpuOf)),
    ]);
    const { user, system } = process.cpuUsage();
    return {
      clientUs: user + system,
      primariesUs,
      replicasUs: replicas.reduce((sum, cpuUs) => sum + cpuUs, 0),
    };
  }

  close(): void {
    for (const client of [...this.#primaries, ...this.#replicas]) client.disconnect();
  }
}

/** User and system time of the server, children apart. */
async function cpuOf(client: Redis): Promise<number> {
  const text = await client.info('cpu');
  const seconds = (name: string): number =>
    Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}
