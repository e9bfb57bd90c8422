import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../src/cluster/address.ts';

test.each([
  ['127.0.0.1:7000', { host: '127.0.0.1', port: 7000 }],
  ['redis-0.redis.local:1', { host: 'redis-0.redis.local', port: 1 }],
  ['h:65535', { host: 'h', port: 65_535 }],
  ['::1:7000', { host: '::1', port: 7000 }],
  ['2001:db8::5:6379', { host: '2001:db8::5', port: 6379 }],
])('%s is read at its last colon and written back as it was', (address, place) => {
  expect(parseAddress(address)).toStrictEqual(place);
  expect(formatAddress(place)).toBe(address);
});

test('brackets around a host are taken off', () => {
  expect(parseAddress('[2001:db8::5]:6379')).toStrictEqual({ host: '2001:db8::5', port: 6379 });
});

test.each([
  '',
  'host',
  '7000',
  'host:',
  'host:port',
  'host:0',
  'host:65536',
  'host:-1',
  'host:1.5',
  'host: 7',
  'host:0x10',
  'host:7e3',
  'host:000001',
  '::1', // no port
])('%j has no valid port and is no address', (address) => {
  expect(parseAddress(address)).toBeUndefined();
});

test('a host that ends in :: is a host', () => {
  expect(parseAddress('2001:db8:::6379')).toStrictEqual({ host: '2001:db8::', port: 6379 });
});

test('parsing undoes formatting for any IP address or name', () => {
  const ipV6 = fc.ipV6();
  const host = fc.oneof(fc.ipV4(), ipV6, fc.domain());
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
      expect(parseAddress(formatAddress({ host: name, port }))).toStrictEqual({ host: name, port });
    }),
  );
});
