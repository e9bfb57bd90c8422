import { describe, expect, test } from 'vitest';
import {
  fullestShare,
  MODEL_CLIENTS,
  MODEL_SHARDS,
  modelPoint,
  modelTable,
  sharedCoresLimit,
  shardsUntilClientLimit,
  type ModelCosts,
} from '../../bench/model.ts';

const costs: ModelCosts = {
  idsPerBatch: 10_000,
  oneNode: { clientUs: 2, serverUs: 4 },
  cluster: { clientUs: 2.5, serverUs: 5 },
};

describe('the model of throughput', () => {
  test('one node is limited by its one core', () => {
    expect(modelPoint(costs, 1, 1)).toEqual({
      shards: 1,
      clients: 1,
      idsPerSecond: 250_000,
      limit: 'servers',
    });
  });

  test('enough shards make one client the limit, at one core of it', () => {
    expect(modelPoint(costs, 24, 1)).toMatchObject({ idsPerSecond: 400_000, limit: 'client' });
    expect(modelPoint(costs, 24, 2)).toMatchObject({ idsPerSecond: 800_000, limit: 'client' });
  });

  test('the client becomes the limit at the shards that are named, and not one before', () => {
    for (const clients of MODEL_CLIENTS) {
      const shards = shardsUntilClientLimit(costs, clients);
      expect(modelPoint(costs, shards, clients).limit).toBe('client');
      expect(modelPoint(costs, shards - 1, clients).limit).toBe('servers');
    }
  });

  test('more shards or more clients never give less', () => {
    for (const clients of MODEL_CLIENTS) {
      const rates = MODEL_SHARDS.map((shards) => modelPoint(costs, shards, clients).idsPerSecond);
      expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    }
    for (const shards of MODEL_SHARDS) {
      const rates = MODEL_CLIENTS.map((clients) => modelPoint(costs, shards, clients).idsPerSecond);
      expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    }
  });

  test('the table has every combination once', () => {
    expect(modelTable(costs)).toHaveLength(MODEL_SHARDS.length * MODEL_CLIENTS.length);
  });

  test('the fullest shard holds more than its share, and never more than everything', () => {
    expect(fullestShare(10_000, 1)).toBe(1);
    expect(fullestShare(10_000, 3)).toBeGreaterThan(1 / 3);
    expect(fullestShare(10_000, 3)).toBeLessThan(0.35);
    expect(fullestShare(1, 24)).toBeLessThanOrEqual(1);
  });

  test('on one machine the cores are shared, and the client has one thread', () => {
    expect(sharedCoresLimit({ clientUs: 2, serverUs: 3 }, 2)).toBe(400_000);
    expect(sharedCoresLimit({ clientUs: 4, serverUs: 1 }, 8)).toBe(250_000);
  });
});
