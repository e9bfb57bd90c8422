/** The repository, wherever the benchmark was compiled to. */
export const root: URL = new URL('.', import.meta.resolve('cluster-feature-store/package.json'));
