import { expect, test, vi } from 'vitest';
import { Closing } from '../../../src/cluster/control/closing.ts';

test('it calls those who wait, once, and those who do not wait any more nothing', () => {
  const closing = new Closing();
  const [stays, goes] = [vi.fn<() => void>(), vi.fn<() => void>()];
  closing.add(stays);
  closing.add(goes);
  closing.delete(goes);
  expect(closing.isClosed).toBe(false);
  closing.close();
  closing.close();
  expect(closing.isClosed).toBe(true);
  expect(stays).toHaveBeenCalledOnce();
  expect(goes).not.toHaveBeenCalled();
});

test('it is closed already when it calls them, and listeners may leave meanwhile', () => {
  const closing = new Closing();
  const seen: boolean[] = [];
  const listener = (): void => {
    seen.push(closing.isClosed);
    closing.delete(listener);
  };
  closing.add(listener);
  closing.close();
  expect(seen).toStrictEqual([true]);
});
