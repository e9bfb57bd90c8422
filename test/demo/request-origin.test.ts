import { expect, test } from 'vitest';
import { refusalOf, type RequestHead } from '../../src/demo/request-origin.ts';

function verdict(head: Partial<RequestHead>, ownName = '127.0.0.1'): 'accepted' | 'refused' {
  const whole = {
    method: 'POST',
    host: '127.0.0.1:8085',
    origin: undefined,
    secFetchSite: undefined,
    ...head,
  };
  return refusalOf(whole, ownName) === undefined ? 'accepted' : 'refused';
}

test.each(['127.0.0.1:8085', 'localhost:8085', 'LOCALHOST', '[::1]:8085', '10.1.2.3:80'])(
  'Host %s is this server',
  (host) => {
    expect(verdict({ host })).toBe('accepted');
    expect(verdict({ host, method: 'GET' })).toBe('accepted');
  },
);

test.each([undefined, '', 'evil.example', 'localhost.evil.example:8085', '127.0.0.1.evil.example'])(
  'Host %s is not, for reads as for writes',
  (host) => {
    expect(verdict({ host })).toBe('refused');
    expect(verdict({ host, method: 'GET' })).toBe('refused');
  },
);

test('the name that it was told to listen on is its own', () => {
  expect(verdict({ host: 'features.internal:8085' }, 'Features.internal')).toBe('accepted');
  expect(verdict({ host: 'other.internal:8085' }, 'features.internal')).toBe('refused');
});

test.each([
  ['http://127.0.0.1:8085', 'accepted'],
  ['https://127.0.0.1:8085', 'accepted'],
  ['http://127.0.0.1:9999', 'refused'],
  ['http://localhost:8085', 'refused'],
  ['https://evil.example', 'refused'],
  ['file://127.0.0.1:8085', 'refused'],
  ['null', 'refused'],
  ['', 'refused'],
])('a write from Origin %j is %s', (origin, expected) => {
  expect(verdict({ origin })).toBe(expected);
});

test.each([
  ['same-origin', 'accepted'],
  ['none', 'accepted'],
  ['same-site', 'refused'],
  ['cross-site', 'refused'],
])('a write with Sec-Fetch-Site %s is %s', (secFetchSite, expected) => {
  expect(verdict({ secFetchSite })).toBe(expected);
});

test('a read may come from a link on another page', () => {
  expect(verdict({ method: 'GET', secFetchSite: 'cross-site', origin: 'https://a.example' })).toBe(
    'accepted',
  );
});
