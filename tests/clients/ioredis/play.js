// Plays the shared script with ioredis, and shows what is particular to ioredis.
//
// Run by `make test-clients`; by hand: NODE_PATH=.../node_modules node play.js PORT LOSSY_PORT, on a
// server with fw.test-clock yes.

const assert = require('node:assert/strict');
const { Redis, ReplyError } = require('ioredis');
const script = require('../script.json');

const [PORT, LOSSY_PORT] = process.argv.slice(2).map(Number);

/** A command of the script, as bytes. */
function words(command) {
  const parts = typeof command === 'string' ? command.split(' ') : command;
  return [parts[0], ...parts.slice(1).map((part) => Buffer.from(part, 'latin1'))];
}

/** A reply as the script writes it. */
function plain(reply) {
  if (reply instanceof Error) return { error: reply.message.split(' ')[0] };
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (Array.isArray(reply)) return reply.map(plain);
  if (reply === null || typeof reply !== 'object') return reply;
  return Object.fromEntries(Object.entries(reply).map(([key, value]) => [key, plain(value)]));
}

/** What the script writes, as ioredis shows it: big integers are not exact, maps are lists by default. */
function expected(value, maps) {
  if (Array.isArray(value)) return value.map((item) => expected(item, maps));
  if (value === null || typeof value !== 'object' || 'error' in value) return value;
  if ('integer' in value) return Number(value.integer);
  const pairs = Object.entries(value).map(([key, item]) => [key, expected(item, maps)]);
  return maps ? Object.fromEntries(pairs) : pairs.flat();
}

async function run(client, step) {
  const call = step.bytes ? 'callBuffer' : 'call';
  if (step.do) return client[call](...words(step.do)).catch((error) => error);
  const several = step.pipeline ? client.pipeline() : client.multi();
  for (const command of step.pipeline ?? step.multi) several.call(...words(command));
  // Each reply is a pair: an error, or null and the value.
  return (await several.exec()).map(([error, value]) => error ?? value);
}

async function play(options, maps) {
  const client = new Redis({ port: PORT, ...options });
  await client.flushall();
  for (const step of script) {
    if (step.section) continue;
    const reply = plain(await run(client, step));
    assert.deepEqual(reply, expected(step.get, maps), `${JSON.stringify([options, step])}`);
  }
  await client.quit();
}

async function inOneLineEach() {
  const key = 'acct:js';
  const redis = new Redis({ port: PORT, replyMapping: 'resp3' });
  const [verdict, policy, limit, remaining, resetMs, retryAfterMs] = await redis.call('FW.ADMIT', key);
  assert.deepEqual([verdict, policy, limit, remaining], ['OK', 'requests', 600, 599]);
  assert.deepEqual([resetMs, retryAfterMs], [60000, 0]);
  const spent = (await redis.call('FW.SPEND', key, '0.25', 'ID', 'evt-1'))[1];
  assert.equal(spent, '0.25');
  const account = await redis.call('FW.GET', key); // account.spent
  assert.equal(account.spent, '0.25');
  assert.equal(account.blocked_reason, null);
  assert.equal((await redis.call('FW.ADMIT', key, 'COST', 2))[3], 597);
  await assert.rejects(redis.call('FW.VOID', key, 'nothing'), (error) => {
    return error instanceof ReplyError && error.message.startsWith('NOHOLD ');
  });
  await redis.quit();
}

async function bigIntegers() {
  const client = new Redis({ port: PORT });
  await client.call('FW.LIMIT', 'acct:js', 'requests', 'MAX', '9223372036854775807');
  const inexact = await client.call('FW.PEEK', 'acct:js');
  assert.equal(inexact[2], 2 ** 63); // 9223372036854775808, which is one too many
  const exact = new Redis({ port: PORT, stringNumbers: true });
  assert.equal((await exact.call('FW.PEEK', 'acct:js'))[2], '9223372036854775807');
  await Promise.all([client.quit(), exact.quit()]);
}

async function bytesThatAreNotUtf8() {
  const client = new Redis({ port: PORT, replyMapping: 'resp3' });
  await client.call('FW.ADMIT', 'acct:js', 'HOLD', Buffer.from([0xfe]), '1');
  assert.equal((await client.call('FW.HOLDS', 'acct:js'))[0].id, '\ufffd'); // the id is lost
  const [row] = await client.callBuffer('FW.HOLDS', 'acct:js');
  assert.deepEqual(row.id, Buffer.from([0xfe]));
  await client.quit();
}

/** ioredis repeats a command whose reply was lost: the ID keeps it from being charged twice. */
async function sendsAgainByItself() {
  const client = new Redis({ port: LOSSY_PORT });
  const reply = await client.call('FW.SPEND', 'acct:lossy', '1', 'ID', 'evt-1');
  assert.deepEqual(reply.slice(0, 2), ['DUPLICATE', '1']);
  await client.quit();
}

(async () => {
  await play({ protocol: 2 }, false);
  await play({}, false);
  await play({ protocol: 3, replyMapping: 'resp3' }, true);
  await inOneLineEach();
  await bigIntegers();
  await bytesThatAreNotUtf8();
  await sendsAgainByItself();
  console.log(`ioredis ${require('ioredis/package.json').version} plays the script`);
})();
