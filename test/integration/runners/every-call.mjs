/** Every kind of call, in a store whose clock a test holds. Gives how many rows were read. */
export async function everyCall(store) {
  const ids = Array.from({ length: 3_000 }, (_, n) => `u${n}`);
  const options = { timeoutMs: 5_000 };
  await store.bulkLoad(
    ids.map((id, n) => [id, { a: n, b: 'x' }]),
    options,
  );
  await store.updateStreaming('u1', { c: 1 }, options);
  await store.updateBatchFeature('u1', 'b', 'y', options);
  const row = await store.getFeatures('u1', ['a', 'b', 'c'], options);
  if (row.a !== '1' || row.b !== 'y' || row.c !== '1') throw new Error(JSON.stringify(row));
  let rowCount = (await store.batchGetFeatures(ids, ['a'], options)).length;
  rowCount += (await store.batchGetFeatures(ids.slice(0, 50), ['a'], options)).length;
  for await (const { rows } of store.streamFeatures(ids, ['a'], options)) rowCount += rows.length;
  const singles = ids.slice(0, 300).map((id) => store.getFeatures(id, ['a'], options));
  rowCount += (await Promise.all(singles)).length;
  if (!(await store.inspect('u1', options)).exists) throw new Error('it is not there');
  rowCount += await store.countEntities(options);
  return rowCount;
}

export const ROWS_READ = 3_000 + 50 + 3_000 + 300 + 3_000;

/** Rejects by real time, though the clock is held. */
export async function timesOut(store) {
  try {
    await store.getFeatures('u1', ['a'], { timeoutMs: 50 });
    return 'it was answered';
  } catch (error) {
    return error.code;
  }
}
