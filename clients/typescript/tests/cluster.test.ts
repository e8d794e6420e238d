// The cluster client of node-redis, on a cluster of one node.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCluster } from 'redis';
import { isUnavailable, Limits, NoHold } from '../src/index.js';
import { Server, until } from './servers.js';

for (const RESP of [2, 3] as const) {
  test(`a cluster, RESP ${RESP}`, async (t) => {
    const server = await Server.start('cluster-enabled yes', 'cluster-node-timeout 5000');
    t.after(() => server.remove());
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    await until(async () => {
      return String(await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok');
    }, 'the cluster did not form');
    const cluster = createCluster({
      RESP,
      rootNodes: [{ socket: { host: '127.0.0.1', port: server.port } }],
    });
    cluster.on('error', () => {});
    await cluster.connect();
    t.after(() => cluster.destroy());
    const limits = new Limits(cluster, { timeoutMs: 10_000 });
    for (const key of ['acct:1', 'acct:2', Buffer.from('acct:\xff', 'latin1')]) {
      const served = await limits.withHold(key, '1', {}, (hold) => hold.used('0.5'));
      assert(served.admitted);
      assert.equal((await limits.get(key))?.spent.toString(), '0.5');
      await assert.rejects(limits.void(key, 'never-seen'), NoHold);
    }
    await using lease = await limits.lease('acct:1', 'train-1', { h100: 1 });
    assert.equal(lease.token, 1n);
    assert.equal((await limits.leases('acct:1'))?.[0]?.quotas.get('h100'), 1n);
    assert.equal((await limits.tiers())[0]?.name, 'tier-1');
    assert.equal((await limits.help('VOID'))[0], 'FW.VOID key id');
    await limits.release('acct:1', 'train-1');
    await server.kill();
    await assert.rejects(new Limits(cluster, { timeoutMs: 200 }).admit('acct:1'), isUnavailable);
    await server.start();
  });
}
