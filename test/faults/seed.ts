/**
 * The run's seed: FAULTS_SEED, or a new one. Each file of tests that uses it prints it when it
 * starts.
 */
export const faultsSeed: number = seedOf(process.env['FAULTS_SEED']);

console.log(`FAULTS_SEED=${faultsSeed}`);

/** @throws Error it is no whole number that seeds can be */
function seedOf(text: string | undefined): number {
  if (text === undefined || text === '') return Math.floor(Math.random() * 0x7fff_ffff);
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed < 0x8000_0000) return seed;
  throw new Error(`FAULTS_SEED must be a whole number from 0 to 2147483647, but is '${text}'`);
}
