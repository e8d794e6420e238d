// A held request, from its admission to its settlement.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createClient } from 'redis';
import { Conflict, CostUnknown, isUnavailable, Limits, Unavailable } from '../src/index.js';
import { withEach } from './clients.js';
import { Lossy, Server, until } from './servers.js';

const KEY = 'acct:1';
const broken = new Error('what goes wrong');

/** What was spent, what is held, and how many holds are open. */
async function state(server: Server): Promise<[string, string, number]> {
  const found = await server.ask<{ spent: string; held: string; open_holds: number }>(
    'FW.GET',
    KEY,
  );
  return [found.spent, found.held, found.open_holds];
}

withEach('holds', (played) => {
  test('what was used is spent', async () => {
    const { limits, server } = played;
    const options = { tokens: 1500, scope: 'm', ttlMs: 30_000 };
    const served = await limits.withHold(KEY, '0.02', options, async (hold) => {
      assert.match(hold.id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(await state(server), ['0', '0.02', 1]);
      hold.used('0.001', 100);
      hold.used('0.0095', 950);
      return 'answer';
    });
    assert(served.admitted);
    assert.equal(served.value, 'answer');
    assert.equal(served.admission.remaining, 599n);
    assert.deepEqual(await state(server), ['0.0095', '0', 0]);
  });

  test('a throw voids, and what a partial charged stays', async () => {
    const { limits, server } = played;
    const fails = limits.withHold(KEY, '1', {}, async (hold) => {
      assert.equal((await hold.partial('0.25', 10))?.held.toString(), '0.75');
      throw broken;
    });
    await assert.rejects(fails, broken);
    assert.deepEqual(await state(server), ['0.25', '0', 0]);
    const throws = limits.withHold(KEY, '1', {}, (hold) => {
      hold.used('0.5');
      throw broken;
    });
    await assert.rejects(throws, broken);
    assert.deepEqual(await state(server), ['0.25', '0', 0]);
  });

  test('the last partial is the total if nobody says more', async () => {
    const { limits, server } = played;
    await limits.withHold(KEY, '1', {}, async (hold) => {
      await hold.partial('0.25');
      await assert.rejects(hold.partial('0.125'), Conflict);
      await hold.partial('0.5');
      assert.equal(hold.total?.amount.toString(), '0.5');
    });
    assert.deepEqual(await state(server), ['0.5', '0', 0]);
  });

  test('a cost that nobody said is an error and no charge', async () => {
    const { limits, server } = played;
    await assert.rejects(
      limits.withHold(KEY, '1', {}, () => {}),
      CostUnknown,
    );
    assert.deepEqual(await state(server), ['0', '0', 0]);
  });

  test('a denied request is not served, and holds nothing', async () => {
    const { limits, server } = played;
    await limits.suspend(KEY, 'fraud');
    const served = await limits.withHold(KEY, '1', {}, () => assert.fail('it was served'));
    assert.equal(served.admitted, false);
    assert.equal(served.admission.verdict, 'SUSPENDED');
    await using hold = await limits.hold(KEY, '1');
    assert.equal(hold.admitted, false);
    for (const use of [() => hold.spend('1'), () => hold.void(), () => hold.partial('1')]) {
      await assert.rejects(use(), /denied/);
    }
    assert.deepEqual(await state(server), ['0', '0', 0]);
  });

  test('what a hold settles itself is left as it is', async () => {
    const { limits, server } = played;
    const spends = limits.withHold(KEY, '1', {}, async (hold) => {
      await hold.spend('0.25');
      throw broken;
    });
    await assert.rejects(spends, broken);
    await limits.withHold(KEY, '1', {}, async (hold) => {
      hold.used('0.75');
      await hold.void();
    });
    assert.deepEqual(await state(server), ['0.25', '0', 0]);
  });

  test('await using voids what was not spent', async () => {
    const { limits, server } = played;
    {
      await using hold = await limits.hold(KEY, '1');
      hold.used('0.5');
      assert.deepEqual(await state(server), ['0', '1', 1]);
    }
    assert.deepEqual(await state(server), ['0', '0', 0]);
    {
      await using hold = await limits.hold(KEY, '1', { id: 'req-1' });
      await hold.spend('0.5');
      assert.equal((await hold.spend('0.5')).result, 'DUPLICATE');
    }
    assert.deepEqual(await state(server), ['0.5', '0', 0]);
  });

  test('an abort voids, also where nobody listens to it', async () => {
    const { limits, server } = played;
    const abort = new AbortController();
    const served = limits.withHold(KEY, '1', { signal: abort.signal }, async (hold) => {
      await hold.partial('0.25');
      abort.abort(broken);
      await new Promise(() => {});
    });
    await assert.rejects(served, broken);
    assert.deepEqual(await state(server), ['0.25', '0', 0]);
    const late = limits.withHold(KEY, '1', { signal: abort.signal }, () => assert.fail('served'));
    await assert.rejects(late, broken);
    const calls = await server.ask('FW.QUOTAS', KEY, 'requests');
    assert.equal((calls as { used: string }).used, '1'); // it was not even asked
  });

  test('an abort while it is settled changes nothing', async () => {
    const { limits, server } = played;
    const abort = new AbortController();
    const served = limits.withHold(KEY, '1', { signal: abort.signal }, async (hold) => {
      const spent = hold.spend('0.25');
      abort.abort(broken);
      await spent;
    });
    await assert.rejects(served, broken);
    await until(async () => (await state(server))[2] === 0, 'it was not spent');
    assert.deepEqual(await state(server), ['0.25', '0', 0]);
  });

  test('extend, and a hold that lapsed', async () => {
    const { limits, server } = played;
    await limits.withHold(KEY, '1', { ttlMs: 1000 }, async (hold) => {
      await hold.extend(5000);
      await server.advance(4999);
      assert.deepEqual(await state(server), ['0', '1', 1]);
      await server.advance(1);
      assert.equal(await hold.extend(5000), null);
      hold.used('0.5');
    });
    assert.deepEqual(await state(server), ['0.5', '0', 0]);
  });

  test('a hold that the server does not know is charged once, less its partials', async () => {
    const { limits, server } = played;
    let again = async (): Promise<unknown> => assert.fail('it was not served');
    await limits.withHold(KEY, '1', { id: 'req-1' }, async (hold) => {
      await hold.partial('0.25');
      await server.ask('DEL', KEY);
      await limits.spend(KEY, '0.25', { id: 'kept elsewhere' });
      assert.equal(await hold.partial('0.5'), null);
      hold.used('0.75');
      again = () => hold.spend('0.75');
    });
    assert.deepEqual(await state(server), ['0.75', '0', 0]);
    await again();
    assert.deepEqual(await state(server), ['0.75', '0', 0]);
    const known = await limits.spend(KEY, '0.5', { id: 'hold:req-1' });
    assert.equal(known.result, 'DUPLICATE');
  });

  test('an id is 1 to 123 bytes', async () => {
    const { limits } = played;
    for (const id of ['', 'é'.repeat(62)]) {
      await assert.rejects(limits.hold(KEY, '1', { id }), RangeError);
    }
    await using hold = await limits.hold(KEY, '1', { id: 'x'.repeat(123) });
    assert(hold.admitted);
  });
});

test('without Redis there is no verdict, and a spend can be said again', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const client = createClient({ socket: { port: server.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const limits = new Limits(client, { timeoutMs: 300 });
  const patient = new Limits(client, { timeoutMs: 20_000 });
  let again = async (): Promise<unknown> => assert.fail('it was not served');
  const lost = limits.withHold(KEY, '1', {}, async (hold) => {
    hold.used('0.5');
    again = () => hold.spend('0.5');
    await server.kill();
  });
  await assert.rejects(lost, isUnavailable);
  await assert.rejects(limits.admit(KEY), isUnavailable);
  await server.start();
  await patient.admit(KEY);
  await again();
  assert.deepEqual(await state(server), ['0.5', '0', 0]);
  const warned = once(process, 'warning');
  const fails = limits.withHold(KEY, '1', {}, async () => {
    await server.kill();
    throw broken;
  });
  await assert.rejects(fails, broken);
  assert.match(String((await warned)[0]), /hold .* was not voided and will lapse/);
  client.destroy();
  await assert.rejects(limits.admit(KEY), Unavailable);
});

test('a server that hangs is as good as away, and what was not sent is not sent later', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const client = createClient({ socket: { port: server.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const limits = new Limits(client, { timeoutMs: 100 });
  server.signal('SIGSTOP');
  await assert.rejects(limits.get(KEY), /no answer within 100 ms/);
  server.signal('SIGCONT');
  await server.kill();
  await until(async () => !client.isReady, 'the client did not notice');
  await assert.rejects(limits.spend(KEY, '1'), isUnavailable);
  await server.start();
  await until(async () => client.isReady, 'the client did not come back');
  await new Limits(client, { timeoutMs: 20_000 }).get(KEY);
  assert.equal(await server.ask('EXISTS', KEY), 0);
});

test('a lost reply: what counts once is sent again, all else is not', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const proxy = await Lossy.before(server);
  t.after(() => proxy.close());
  const client = createClient({ socket: { port: proxy.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const limits = new Limits(client, { timeoutMs: 20_000 });
  proxy.lose = 1;
  assert.equal((await limits.spend(KEY, '1', { id: 'evt-1' })).result, 'DUPLICATE');
  proxy.lose = 1;
  const admitted = await limits.admit(KEY, { hold: { id: 'req-1', amount: '1' } });
  assert.deepEqual([admitted.verdict, admitted.admitted], ['DUPLICATE', true]);
  proxy.lose = 2;
  await assert.rejects(limits.get(KEY), isUnavailable);
  assert.equal(proxy.requests, 6);
  for (const call of [() => limits.admit(KEY), () => limits.spend(KEY, '1')]) {
    proxy.lose = 1;
    await assert.rejects(call(), isUnavailable);
  }
  proxy.lose = 1;
  const never = new Limits(client, { timeoutMs: 20_000, retry: false });
  await assert.rejects(never.get(KEY), isUnavailable);
  assert.equal(proxy.requests, 9);
  assert.deepEqual(await state(server), ['2', '1', 1]);
});

test('an abort while it is admitted holds nothing', async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const proxy = await Lossy.before(server);
  t.after(() => proxy.close());
  const client = createClient({ socket: { port: proxy.port } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const limits = new Limits(client);
  const abort = new AbortController();
  const hold = limits.hold(KEY, '1', { signal: abort.signal });
  abort.abort(broken);
  await assert.rejects(hold, broken);
  assert.deepEqual(await state(server), ['0', '0', 0]);
});
