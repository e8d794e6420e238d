// What must not compile, and what must: checked by tsc, never run.

import { createClient, createClientPool, createCluster } from 'redis';
import { isUnavailable, Limits, Money, type Admission, type Verdict } from '../src/index.js';

export const clients: Limits[] = [
  new Limits(createClient()),
  new Limits(createClient({ RESP: 2 }).withTypeMapping({ 36: Buffer })),
  new Limits(createClientPool()),
  new Limits(createCluster({ rootNodes: [] })),
];

export async function types(limits: Limits): Promise<void> {
  const admission: Admission = await limits.admit('acct:1', { cost: 1, tokens: 5n });
  const verdict: Verdict = admission.verdict;
  // @ts-expect-error there is no such verdict
  if (verdict === 'FINE') return;
  // @ts-expect-error a limit may be absent
  admission.limit.toString();
  // @ts-expect-error a number is no money
  await limits.spend('acct:1', 0.25, { id: 'evt-1' });
  // @ts-expect-error nor is a bigint
  await limits.spend('acct:1', 1n, { id: 'evt-1' });
  // @ts-expect-error a charge has an id or a hold, not both
  await limits.spend('acct:1', '1', { id: 'evt-1', hold: 'req-1' });
  // @ts-expect-error only what is held has a total so far
  await limits.spend('acct:1', '1', { id: 'evt-1', partial: true });
  // @ts-expect-error a top-up has an id
  await limits.topup('acct:1', '1', {});
  // @ts-expect-error an unknown event
  await limits.invoice('acct:1', 'lost', 'in_1');
  // @ts-expect-error an account may be absent
  (await limits.get('acct:1')).spent;

  const served = await limits.withHold('acct:1', '1', {}, async (hold) => {
    hold.used(Money.from('0.5'));
    return 5;
  });
  // @ts-expect-error a denied request has no value
  served.value.toFixed();
  if (served.admitted) served.value.toFixed();

  const limit = await limits.limit('acct:1', 'requests', { value: 5 });
  if (limit.unit === 'money') limit.used.plus('1');
  else limit.used + 1n;
  // @ts-expect-error money or a count: ask for the unit
  limit.used + 1n;
  // @ts-expect-error a field is read-only
  admission.verdict = 'OK';
  try {
    await limits.tiers();
  } catch (error) {
    if (isUnavailable(error)) error.message.trim();
  }
}
