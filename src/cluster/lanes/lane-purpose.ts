/**
 * Online reads never queue after bulk work, and nothing after writes that wait for replicas
 * (`confirmed`, with WAIT). `online` and `bulk` carry commands by key alone; those without a key
 * (SCAN, COMMAND, CLUSTER) go over `control`.
 */
export type LanePurpose = (typeof LANE_PURPOSES)[number];

export const LANE_PURPOSES = ['online', 'bulk', 'confirmed', 'control'] as const;
