// Every command, and every reply, in both protocols.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'redis';
import {
  commands,
  Conflict,
  FwError,
  Invalid,
  isUnavailable,
  MAPPING,
  Money,
  NoAccount,
  NoHold,
  NoLease,
  NotAllowed,
  OutOfMemory,
  Stale,
  Unavailable,
  WrongType,
  type Account,
} from '../src/index.js';
import { withEach } from './clients.js';
import { NOON, Server } from './servers.js';

const KEY = 'acct:1';
const $ = Money.from;

/** The fields of a reply, without its class. */
function plain<T extends object>(reply: T | null): T | null {
  return reply && { ...reply };
}

withEach('commands', (played) => {
  test('an admission and a denial are values', async () => {
    const { limits, server } = played;
    const first = await limits.admit(KEY);
    assert.deepEqual(plain(first), {
      verdict: 'OK',
      policy: 'requests',
      limit: 600n,
      remaining: 599n,
      resetMs: 60_000,
      retryAfterMs: 0,
      tokens: null,
    });
    assert.deepEqual([first.admitted, first.httpStatus, first.retryAfter], [true, 200, 0]);
    assert((await limits.admit(KEY, { cost: 599 })).admitted);
    const denied = await limits.admit(KEY);
    assert.deepEqual([denied.verdict, denied.admitted], ['RATE_LIMITED', false]);
    assert.deepEqual([denied.httpStatus, denied.retryAfter], [429, 60]);
    assert.equal(denied.headers()['Retry-After'], '60');
    await server.advance(59_001);
    assert.equal((await limits.peek(KEY)).retryAfterMs, 999);
    assert.equal((await limits.peek(KEY)).retryAfter, 1);
    await server.advance(999);
    assert((await limits.admit(KEY)).admitted);
    const tooLarge = await limits.admit(KEY, { cost: 601n });
    assert.deepEqual([tooLarge.verdict, tooLarge.retryAfter], ['TOO_LARGE', null]);
  });

  test('tokens, scopes and holds', async () => {
    const { limits } = played;
    await limits.limit(KEY, 'tokens@llama-70b', { max: 5000 });
    const asked = {
      cost: 2,
      scope: 'llama-70b',
      tokens: 1500,
      hold: { id: 'req-1', amount: '0.02', ttlMs: 30_000 },
    };
    const first = await limits.admit(KEY, asked);
    assert.deepEqual(first.tokens, { limit: 5000n, remaining: 3500n, resetMs: 60_000 });
    assert.equal(first.remaining, 598n);
    const again = await limits.admit(KEY, asked);
    assert.deepEqual([again.verdict, again.admitted], ['DUPLICATE', true]);
    assert.deepEqual(await limits.holds(KEY), [
      {
        id: 'req-1',
        idBytes: Buffer.from('req-1'),
        amount: $('0.02'),
        charged: $('0'),
        held: $('0.02'),
        tokens: 1500n,
        scope: 'llama-70b',
        admittedMs: NOON,
        lapsesMs: NOON + 30_000,
      },
    ]);
    const part = await limits.spend(KEY, '0.004', { hold: 'req-1', tokens: 400, partial: true });
    assert.deepEqual(plain(part), {
      result: 'OK',
      spent: $('0.004'),
      limit: $('50'),
      held: $('0.016'),
      credits: $('0'),
      tier: 'tier-1',
      standing: 'active',
    });
    assert.deepEqual((await limits.extend(KEY, 'req-1', 1000)).held, $('0.016'));
    const final = await limits.spend(KEY, '0.0095', { hold: 'req-1', tokens: 950 });
    assert.deepEqual([final.spent, final.held], [$('0.0095'), $('0')]);
    const repeated = await limits.spend(KEY, '0.0095', { hold: 'req-1', tokens: 950 });
    assert.equal(repeated.result, 'DUPLICATE');
    assert.deepEqual(await limits.holds(KEY, { count: 5 }), []);
  });

  test('a hold without a TTL, and one that lapsed', async () => {
    const { limits, server } = played;
    await limits.admit(KEY, { hold: { id: 'req-1', amount: '1' } });
    await server.advance(60_000);
    assert.equal((await limits.spend(KEY, '1', { hold: 'req-1' })).result, 'LATE');
    await limits.admit(KEY, { hold: { id: 'req-2', amount: '1' } });
    assert.deepEqual((await limits.void(KEY, 'req-2')).spent, $('1'));
  });

  test('money and standing', async () => {
    const { limits } = played;
    const spent = await limits.spend(KEY, '50', { id: 'gpu-1' });
    assert.deepEqual([spent.active, spent.reasons], [false, ['spend_limit']]);
    assert.equal((await limits.spend(KEY, '50', { id: 'gpu-1' })).result, 'DUPLICATE');
    const blocked = await limits.suspend(KEY, 'asked by the risk team');
    assert.deepEqual(blocked.reasons, ['blocked', 'spend_limit']);
    const denied = await limits.admit(KEY);
    assert.deepEqual([denied.reasons, denied.httpStatus], [['blocked', 'spend_limit'], 412]);
    await limits.resume(KEY);
    const topped = await limits.topup(KEY, '100.50', { id: 'buy-1' });
    assert.deepEqual([topped.tier, topped.limit, topped.credits], ['tier-2', $('500'), $('50.5')]);
    const given = await limits.topup(KEY, '5', { id: 'gift-1', promo: true });
    assert.deepEqual(given.credits, $('55.5'));
    assert.deepEqual((await limits.refund(KEY, '0.5', { id: 'note-1' })).spent, $('49.5'));
    assert.deepEqual((await limits.invoice(KEY, 'failed', 'in_1')).reasons, ['payment_failed']);
    assert((await limits.invoice(KEY, 'paid', 'in_1', { amount: '1.25' })).active);
    assert((await limits.invoice(KEY, 'voided', 'in_2')).active);
    const set = { paymentMethod: false, tier: 'unlimited', anchorDay: 15 };
    assert.equal((await limits.set(KEY, set)).limit, null);
    const unset = await limits.set(KEY, { paymentMethod: true, tier: 'auto' });
    assert.deepEqual(unset.limit, $('500'));
  });

  test('the view of an account', async () => {
    const { limits } = played;
    assert.equal(await limits.get(KEY), null);
    await limits.topup(KEY, '0.1', { id: 'buy-1' });
    const expected: Account = {
      tier: 'tier-1',
      tierSource: 'auto',
      standing: 'active',
      active: true,
      reasons: [],
      blockedReason: null,
      paymentMethod: true,
      spent: $('0'),
      held: $('0'),
      limit: $('50'),
      limitSource: 'tier',
      remaining: $('50'),
      credits: $('0.1'),
      promo: $('0'),
      owed: $('0'),
      history: $('0.1'),
      nextTier: 'tier-2',
      nextTierGap: $('99.9'),
      periodStartMs: NOON,
      periodEndMs: 1_769_904_000_000,
      previousSpent: $('0'),
      openHolds: 0,
      leases: 0,
      failedInvoices: 0,
      anchorDay: 1,
      createdMs: NOON,
    };
    assert.deepEqual(await limits.get(KEY), expected);
    await limits.suspend(KEY, 'fraud');
    await limits.set(KEY, { tier: 'unlimited' });
    const blocked = await limits.get(KEY);
    assert.deepEqual([blocked?.blockedReason, blocked?.reasons], ['fraud', ['blocked']]);
    assert.deepEqual([blocked?.limit, blocked?.remaining], [null, null]);
  });

  test('limits, also beyond 2^53', async () => {
    const { limits } = played;
    const row = {
      name: 'requests',
      unit: 'count',
      limit: 100n,
      max: 600n,
      used: 0n,
      remaining: 100n,
      source: 'customer',
    };
    assert.deepEqual(await limits.limit(KEY, 'requests', { value: 100 }), row);
    assert.deepEqual(await limits.quota(KEY, 'requests'), row);
    assert.equal((await limits.limit(KEY, 'requests', { value: 'default' })).limit, 600n);
    assert.equal((await limits.limit(KEY, 'requests', { max: 'unlimited' })).limit, null);
    const spend = await limits.limit(KEY, 'spend', { max: $('1000.5') });
    assert(spend.unit === 'money');
    assert.deepEqual([spend.max, spend.used], [$('1000.5'), $('0')]);
    assert.deepEqual((await limits.limit(KEY, 'spend', { max: '20.25' })).max, $('20.25'));
    const largest = 2n ** 63n - 1n;
    assert.equal((await limits.limit(KEY, 'requests', { max: largest })).limit, largest);
    assert.equal((await limits.admit(KEY, { cost: 0 })).remaining, largest);
    const rows = await limits.quotas(KEY);
    const names = rows?.slice(0, 4).map(({ name }) => name);
    assert.deepEqual(names, ['requests', 'tokens', 'concurrency', 'spend']);
    assert.deepEqual([rows?.[1]?.limit, rows?.[1]?.source], [null, 'platform']);
    await limits.limit(KEY, 'requests', { max: 'unlimited' });
    const free = await limits.admit(KEY, { tokens: 5 });
    assert.deepEqual([free.limit, free.remaining], [null, null]);
    assert.deepEqual(free.tokens, { limit: null, remaining: null, resetMs: 0 });
    assert.deepEqual(free.headers(), {});
    await limits.limit(KEY, 'tokens', { max: largest });
    await limits.admit(KEY, { tokens: largest, hold: { id: 'large', amount: '0' } });
    assert.equal((await limits.holds(KEY))?.[0]?.tokens, largest);
  });

  test('leases', async () => {
    const { limits } = played;
    const gpus = { h100: 8, a100: 1n };
    const first = await limits.reserve(KEY, 'train-1', gpus, { ttlMs: 60_000 });
    assert.deepEqual(plain(first), {
      verdict: 'OK',
      token: 1n,
      ttlMs: 60_000,
      policy: '',
      limit: 8n,
      used: 8n,
    });
    assert(first.reserved);
    const denied = await limits.reserve(KEY, 'train-2', { h100: 1 });
    assert.deepEqual(
      [denied.verdict, denied.token, denied.policy, denied.reserved, denied.httpStatus],
      ['QUOTA_EXCEEDED', 0n, 'h100', false, 429],
    );
    assert.equal((await limits.renew(KEY, 'train-1', 1n, { ttlMs: 0 })).ttlMs, null);
    assert.deepEqual(await limits.leases(KEY), [
      {
        id: 'train-1',
        idBytes: Buffer.from('train-1'),
        token: 1n,
        quotas: new Map([
          ['a100', 1n],
          ['h100', 8n],
        ]),
        ttlMs: null,
        lapsesMs: null,
      },
    ]);
    await limits.suspend(KEY, 'fraud');
    assert.deepEqual((await limits.renew(KEY, 'train-1', 1)).reasons, ['blocked']);
    assert.equal(await limits.release(KEY, 'train-1', 1), true);
    assert.equal(await limits.release(KEY, 'train-1'), false);
    await limits.resume(KEY);
    await limits.reserve(KEY, 'lost-1', { a100: 1 });
    await limits.reserve(KEY, 'runs-1', { a100: 1 });
    assert.equal(await limits.sync(KEY, 3, ['runs-1']), 1);
  });

  test('views for people', async () => {
    const { limits } = played;
    assert.equal(await limits.log(KEY), null);
    await limits.suspend(KEY, 'fraud');
    const entry = { timeMs: NOON, event: 'suspended', cause: 'blocked: fraud' };
    assert.deepEqual(await limits.log(KEY, { count: 1 }), [entry]);
    const explained = await limits.explain(KEY, { cost: 2 });
    assert.deepEqual([explained.verdict, explained.policy], ['SUSPENDED', 'blocked']);
    assert(explained.checks.some((check) => check.startsWith('DENY standing')));
    assert.deepEqual((await limits.tiers())[0], {
      name: 'tier-1',
      limit: $('50'),
      history: $('0'),
    });
    assert.equal((await limits.help('VOID'))[0], 'FW.VOID key id');
    assert((await limits.help()).length > 10);
  });

  test('an unknown account', async () => {
    const { limits, server } = played;
    await server.ask('CONFIG', 'SET', 'fw.new-accounts', 'reject');
    const unknown = await limits.admit('nobody');
    assert.deepEqual([unknown.verdict, unknown.policy], ['UNKNOWN_ACCOUNT', '']);
    assert.deepEqual([unknown.httpStatus, unknown.retryAfter], [404, null]);
    assert.deepEqual(unknown.headers(), {});
    for (const view of ['get', 'quotas', 'holds', 'leases', 'log'] as const) {
      assert.equal(await limits[view]('nobody'), null);
    }
    assert.equal(await limits.quota('nobody', 'spend'), null);
    await assert.rejects(limits.spend('nobody', '1'), NoAccount);
  });

  test('keys and ids that are no UTF-8', async () => {
    const { limits } = played;
    const key = Buffer.from([0, 255, 13, 10]);
    const id = Buffer.from([254, 0]);
    await limits.admit(key, { hold: { id, amount: '1' } });
    const [hold] = (await limits.holds(key)) ?? [];
    assert.equal(hold?.scope, null);
    assert.deepEqual(hold?.idBytes, id);
    assert.deepEqual((await limits.spend(key, '1', { hold: id })).held, $('0'));
    await assert.rejects(limits.admit('\ud800'), RangeError);
  });

  test('errors by their classes', async () => {
    const { limits, server } = played;
    await limits.spend(KEY, '1', { id: 'gpu-1' });
    await limits.reserve(KEY, 'serve-1', { a100: 1 });
    await server.ask('SET', 'text', 'hello');
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    const hold = { id: 'req-1', amount: '1' };
    const calls: [new (...args: never[]) => FwError, string, () => Promise<unknown>][] = [
      [NoHold, 'NOHOLD', () => limits.void(KEY, 'never-seen')],
      [NoLease, 'NOLEASE', () => limits.renew(KEY, 'never-seen', 1)],
      [Stale, 'STALE', () => limits.renew(KEY, 'serve-1', 7)],
      [Conflict, 'CONFLICT', () => limits.spend(KEY, '2', { id: 'gpu-1' })],
      [NotAllowed, 'NOTALLOWED', () => limits.limit(KEY, 'requests', { value: 700 })],
      [WrongType, 'WRONGTYPE', () => limits.admit('text')],
      [Invalid, 'ERR', () => limits.admit(KEY, { scope: 'with blanks ' })],
      [OutOfMemory, 'OOM', () => limits.admit(KEY, { hold })],
    ];
    for (const [kind, code, call] of calls) {
      await assert.rejects(call(), (error) => {
        assert(error instanceof kind && error instanceof FwError, String(error));
        assert.deepEqual([error.code, error.name], [code, kind.name]);
        assert(error.message.startsWith(`${code} `));
        assert.equal(isUnavailable(error), code === 'OOM');
        return true;
      });
    }
  });

  test('what the server refuses itself is no verdict', async () => {
    const { limits, server } = played;
    await server.ask('ACL', 'SETUSER', 'default', '-fw.topup');
    try {
      await assert.rejects(limits.topup(KEY, '1', { id: 't' }), (error) => {
        return (
          error instanceof Unavailable && isUnavailable(error) && /^NOPERM/.test(error.message)
        );
      });
    } finally {
      await server.ask('ACL', 'SETUSER', 'default', '+fw.topup');
    }
    const lacking = new commands.Command(['FW.NOSUCH', KEY], String, {});
    await assert.rejects(limits.run(lacking), Unavailable);
  });
});

test('commands go into a MULTI', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const client = createClient({ socket: { port: server.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const batch = [commands.admit(KEY), commands.admit(KEY, { cost: 2 })];
  const multi = client.withTypeMapping(MAPPING).multi();
  for (const command of batch) multi.addCommand(command.words);
  const replies = await multi.exec();
  const left = batch.map((command, at) => command.answer(replies[at]).remaining);
  assert.deepEqual(left, [599n, 597n]);
});

test('a reply that is not understood is no verdict', () => {
  const command = commands.admit(KEY);
  const replies = [
    ['FINE', '', 1, 1, 0, 0],
    ['OK'],
    null,
    ['OK', '', '1x', 1, 0, 0],
    ['OK', '', 2 ** 63, 1, 0, 0], // rounded: nobody knows what it was
  ];
  for (const reply of replies) assert.throws(() => command.answer(reply), Unavailable);
  assert.equal(command.answer(['OK', '', 1, 1, 0, 0]).limit, 1n);
  assert.throws(() => commands.get(KEY).answer(['tier', 'tier-1']), Unavailable);
});
