// Money, counts, and the HTTP fields of an answer: no server is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Admission,
  commands,
  HTTP_STATUS,
  Limits,
  Money,
  NoHold,
  Unavailable,
  type Verdict,
} from '../src/index.js';

test('money is exact both ways', () => {
  for (const [amount, shown] of [
    ['0', '0'],
    ['50', '50'],
    ['50.10', '50.1'],
    ['007', '7'],
    ['0.000000001', '0.000000001'],
    ['0.0000125', '0.0000125'],
    ['9223372036.854775807', '9223372036.854775807'],
  ] as const) {
    assert.equal(String(Money.from(amount)), shown);
  }
  assert.equal(Money.from('0.1').plus('0.2').toString(), '0.3');
  assert.equal(Money.from('0.000002').times(4096).toString(), '0.008192');
  assert.equal(Money.from('1.5').nanos, 1_500_000_000n);
  assert.equal(JSON.stringify({ cost: Money.fromNanos(1n) }), '{"cost":"0.000000001"}');
});

test('what is no money is refused', () => {
  for (const wrong of [
    ...['', '.5', '5.', '-1', '+1', '1e3', ' 1', '1,5', '12345678901', '0.0000000001', 'nan'],
    ...['9223372036.854775808', '١', 'Infinity', '1\n'],
  ]) {
    assert.throws(() => Money.from(wrong), RangeError, wrong);
  }
  for (const wrong of [5, 5n, 0.1, null, undefined, {}, true] as unknown as string[]) {
    assert.throws(() => Money.from(wrong), TypeError);
  }
  assert.throws(() => commands.spend('acct:1', 5 as unknown as string), TypeError);
  assert.throws(() => Money.from('9223372036').plus('9223372036'), RangeError);
  assert.throws(() => Money.from('1').times(-1), RangeError);
  assert.throws(() => Money.from('1').times(1.5), RangeError);
});

test('a count is a whole number, and exact', () => {
  const cost = (value: unknown) => commands.admit('a', { cost: value as number }).args[2];
  assert.equal(cost(2), '2');
  assert.equal(cost(2n ** 63n - 1n), '9223372036854775807');
  for (const wrong of [1.5, -1, NaN, Infinity, 2 ** 53, -1n, 2n ** 63n]) {
    assert.throws(() => cost(wrong), RangeError);
  }
  assert.throws(() => cost('2'), TypeError);
});

function admission(verdict: Verdict, slots: (number | string)[]): Admission {
  return new Admission([verdict, 'requests', ...slots]);
}

test('fields of requests', () => {
  assert.deepEqual(admission('OK', [600, 599, 59_001, 0]).headers(), {
    'x-ratelimit-limit-requests': '600',
    'x-ratelimit-remaining-requests': '599',
    'x-ratelimit-reset-requests': '59.001s',
    'RateLimit-Policy': '"requests";q=600;w=60',
    RateLimit: '"requests";r=599;t=60',
  });
});

test('fields of tokens come beside them', () => {
  const found = admission('OK', [600, 599, 59_001, 0, 5000, 3500, 250]).headers();
  assert.equal(found['x-ratelimit-limit-tokens'], '5000');
  assert.equal(found['x-ratelimit-remaining-tokens'], '3500');
  assert.equal(found['x-ratelimit-reset-tokens'], '0.25s');
  assert.equal(
    found['RateLimit-Policy'],
    '"requests";q=600;w=60, "tokens";q=5000;qu="tokens";w=60',
  );
  assert.equal(found['RateLimit'], '"requests";r=599;t=60, "tokens";r=3500;t=1');
});

test('a window reaches no further than Retry-After', () => {
  for (const [ms, state] of [
    [-1, '"requests";r=599;t=60, "tokens";r=0;t=1'],
    [1, '"requests";r=599;t=1, "tokens";r=0;t=1'],
    [7_001, '"requests";r=599;t=8, "tokens";r=0;t=1'],
    [90_000, '"requests";r=599;t=60, "tokens";r=0;t=1'],
  ] as const) {
    const found = admission('RATE_LIMITED', [600, 599, 59_001, ms, 5000, 0, 250]).headers();
    assert.equal(found.RateLimit, state);
    assert.equal(found['x-ratelimit-reset-requests'], '59.001s');
  }
});

test('Retry-After is rounded up, and only where waiting helps', () => {
  for (const [ms, field] of [
    [0, undefined],
    [-1, undefined],
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
  ] as const) {
    assert.equal(admission('RATE_LIMITED', [600, 0, 1, ms]).headers()['Retry-After'], field);
  }
});

test('a figure that no structured field can hold is left out', () => {
  assert('RateLimit' in admission('OK', ['999999999999999', 1, 0, 0]).headers());
  const found = admission('OK', ['1000000000000000', 1, 0, 0]).headers();
  assert.equal(found['x-ratelimit-limit-requests'], '1000000000000000');
  assert(!('RateLimit' in found) && !('RateLimit-Policy' in found));
});

test('every verdict has its status', () => {
  for (const [verdict, status] of Object.entries(HTTP_STATUS)) {
    assert.equal(admission(verdict as Verdict, [1, 1, 0, 0]).httpStatus, status);
  }
});

test('an error of another copy of node-redis has its class, too', async () => {
  class ErrorReply extends Error {}
  class SimpleError extends ErrorReply {}
  const throws = (error: Error) => new Limits({ sendCommand: () => Promise.reject(error) });
  await assert.rejects(throws(new SimpleError('NOHOLD no such hold')).void('a', 'b'), NoHold);
  await assert.rejects(throws(new Error('NOHOLD no such hold')).void('a', 'b'), Unavailable);
});
