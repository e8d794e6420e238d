// Leases, and the heartbeat that gives the order to stop. Heartbeats beat in real time, a few
// milliseconds apart; the server's clock stands still.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createClient } from 'redis';
import { Limits, Stale, Stop, type Lease } from '../src/index.js';
import { withEach } from './clients.js';
import { Lossy, Server, until } from './servers.js';

const KEY = 'acct:1';
const GPUS = { h100: 8 };
const FAST = { ttlMs: 60_000, everyMs: 5 };

async function used(server: Server): Promise<string> {
  return (await server.ask<{ used: string }>('FW.QUOTAS', KEY, 'h100')).used;
}

async function stopped(lease: Lease): Promise<Stop> {
  if (!lease.signal.aborted) await once(lease.signal, 'abort');
  assert(lease.stop instanceof Stop);
  assert.equal(lease.signal.reason, lease.stop);
  return lease.stop;
}

withEach('leases', (played) => {
  test('a lease is held while the work runs', async () => {
    const { limits, server } = played;
    const leased = await limits.withLease(KEY, 'train-1', GPUS, FAST, async (lease) => {
      assert.deepEqual([lease.token, await used(server)], [1n, '8']);
      assert.equal((await lease.renew()).ttlMs, 60_000);
      assert.equal(lease.stop, null);
      return 'trained';
    });
    assert(leased.reserved);
    assert.equal(leased.value, 'trained');
    assert.equal(await used(server), '0');
  });

  test('a denied lease is a value, and releases nothing', async () => {
    const { limits, server } = played;
    await limits.reserve(KEY, 'train-1', GPUS);
    const leased = await limits.withLease(KEY, 'train-2', GPUS, {}, () => assert.fail('it began'));
    assert.equal(leased.reserved, false);
    assert.equal(leased.reservation.verdict, 'QUOTA_EXCEEDED');
    {
      await using lease = await limits.lease(KEY, 'train-1', { h100: 9 });
      assert.deepEqual([lease.reserved, lease.token], [false, 1n]);
    }
    assert.equal(await used(server), '8');
  });

  test('the heartbeat keeps the lease', async () => {
    const { limits, server } = played;
    await using _ = await limits.lease(KEY, 'train-1', GPUS, FAST);
    for (let time = 0; time < 3; time++) {
      await server.advance(59_999);
      await until(async () => {
        const [lease] = (await limits.leases(KEY)) ?? [];
        const now = await server.ask<number>('FW.CLOCK', 'ADVANCE', 0);
        return lease?.lapsesMs === now + 60_000;
      }, 'the lease was not renewed');
    }
    assert.equal(await used(server), '8');
  });

  test('the order to stop', async () => {
    const { limits, server } = played;
    {
      await using lease = await limits.lease(KEY, 'train-1', GPUS, FAST);
      await limits.suspend(KEY, 'fraud');
      const stop = await stopped(lease);
      assert.deepEqual([stop.why, stop.detail], ['SUSPENDED', 'blocked']);
    }
    await limits.resume(KEY);
    assert.equal(await used(server), '0'); // the end of the scope released it
    {
      await using lease = await limits.lease(KEY, 'train-1', GPUS, FAST);
      await limits.release(KEY, 'train-1');
      assert.equal((await stopped(lease)).why, 'NOLEASE');
    }
    await server.ask('CONFIG', 'SET', 'fw.new-accounts', 'reject');
    await limits.set(KEY, { paymentMethod: true });
    await using lease = await limits.lease(KEY, 'train-1', GPUS, FAST);
    const warned = once(process, 'warning');
    await server.ask('DEL', KEY);
    assert.equal((await stopped(lease)).why, 'UNKNOWN_ACCOUNT');
    await lease[Symbol.asyncDispose]();
    assert.match(String((await warned)[0]), /NOACCOUNT/);
    await server.ask('CONFIG', 'SET', 'fw.new-accounts', 'open');
  });

  test("a lease that is another's is not released", async () => {
    const { limits, server } = played;
    {
      await using lease = await limits.lease(KEY, 'train-1', GPUS, FAST);
      const other = `redis.call('FW.QUOTA', KEYS[1], 'RELEASE', 'train-1')
        return redis.call('FW.QUOTA', KEYS[1], 'RESERVE', 'train-1', 'h100', 8)`;
      await server.ask('EVAL', other, 1, KEY);
      assert.equal((await stopped(lease)).why, 'STALE');
      await assert.rejects(lease.release(), Stale);
    }
    assert.equal(await used(server), '8');
  });

  test('a lease that never lapses says how often', async () => {
    const { limits, server } = played;
    await assert.rejects(limits.lease(KEY, 'train-1', GPUS, { ttlMs: 0 }), RangeError);
    assert.equal(await used(server), '0');
    await using lease = await limits.lease(KEY, 'train-1', GPUS, { ttlMs: 0, everyMs: 5 });
    await limits.suspend(KEY, 'fraud');
    assert.equal((await stopped(lease)).why, 'SUSPENDED');
  });

  test('a lease of a year is not at once away', async () => {
    const { limits } = played;
    const year = { ttlMs: 31_536_000_000, everyMs: 5 };
    await using lease = await limits.lease(KEY, 'train-1', GPUS, year);
    await limits.suspend(KEY, 'fraud');
    assert.equal((await stopped(lease)).why, 'SUSPENDED');
  });
});

test('Redis away, or hanging, for a whole TTL is an order to stop', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const proxy = await Lossy.before(server);
  t.after(() => proxy.close());
  const client = createClient({ socket: { port: proxy.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  process.on('warning', () => {});
  const limits = new Limits(client, { timeoutMs: 20_000 });
  const options = { ttlMs: 100, everyMs: 5 };
  {
    const hung = await limits.lease(KEY, 'train-1', GPUS, options);
    await proxy.kept();
    assert.equal((await stopped(hung)).why, 'AWAY');
  }
  const impatient = new Limits(client, { timeoutMs: 50 });
  client.destroy();
  await client.connect();
  await using lease = await impatient.lease(KEY, 'train-1', GPUS, options);
  await server.kill();
  const stop = await stopped(lease);
  assert.equal(stop.why, 'AWAY');
  assert.notEqual(stop.detail, '');
});
