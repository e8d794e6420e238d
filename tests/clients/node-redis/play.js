// Plays the shared script with node-redis, and shows what is particular to node-redis.
//
// Run by `make test-clients`; by hand: NODE_PATH=.../node_modules node play.js PORT LOSSY_PORT, on a
// server with fw.test-clock yes.

const assert = require('node:assert/strict');
const { createClient, ErrorReply, MultiErrorReply, RESP_TYPES } = require('redis');
const script = require('../script.json');

const [PORT, LOSSY_PORT] = process.argv.slice(2).map(Number);

async function connect(options = {}) {
  const client = createClient({ socket: { port: PORT }, ...options });
  client.on('error', () => {}); // without it a lost connection ends the process
  return client.connect();
}

/** A command of the script: a string where it is ASCII, else bytes. */
function words(command) {
  const parts = typeof command === 'string' ? command.split(' ') : command;
  return parts.map((part) => (/^[\x20-\x7e]*$/.test(part) ? part : Buffer.from(part, 'latin1')));
}

/** A reply as the script writes it. */
function plain(reply) {
  if (reply instanceof ErrorReply) return { error: reply.message.split(' ')[0] };
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (Array.isArray(reply)) return reply.map(plain);
  if (reply === null || typeof reply !== 'object') return reply;
  return Object.fromEntries(Object.entries(reply).map(([key, value]) => [key, plain(value)]));
}

/** What the script writes, as node-redis shows it: big integers are not exact, RESP2 maps are lists. */
function expected(value, resp) {
  if (Array.isArray(value)) return value.map((item) => expected(item, resp));
  if (value === null || typeof value !== 'object' || 'error' in value) return value;
  if ('integer' in value) return Number(value.integer);
  const pairs = Object.entries(value).map(([key, item]) => [key, expected(item, resp)]);
  return resp === 3 ? Object.fromEntries(pairs) : pairs.flat();
}

async function run(client, step) {
  if (step.do) return client.sendCommand(words(step.do)).catch((error) => error);
  if (step.pipeline) {
    // Commands sent in one turn of the event loop go out together.
    const sent = step.pipeline.map((command) => client.sendCommand(words(command)));
    return (await Promise.allSettled(sent)).map((one) => one.value ?? one.reason);
  }
  const multi = client.multi();
  for (const command of step.multi) multi.addCommand(words(command));
  return multi.exec().catch((error) => {
    assert(error instanceof MultiErrorReply);
    return error.replies; // all of them; error.errorIndexes says which are errors
  });
}

async function play(resp) {
  const text = await connect({ RESP: resp });
  const raw = text.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  await text.flushAll();
  for (const step of script) {
    if (step.section) continue;
    const reply = plain(await run(step.bytes ? raw : text, step));
    assert.deepEqual(reply, expected(step.get, resp), `RESP${resp} ${JSON.stringify(step)}`);
  }
  await text.close();
}

async function inOneLineEach() {
  const key = 'acct:js';
  const client = await connect();
  const [verdict, policy, limit, remaining, resetMs, retryAfterMs] = await client.sendCommand(['FW.ADMIT', key]);
  assert.deepEqual([verdict, policy, limit, remaining], ['OK', 'requests', 600, 599]);
  assert.deepEqual([resetMs, retryAfterMs], [60000, 0]);
  const spent = (await client.sendCommand(['FW.SPEND', key, '0.25', 'ID', 'evt-1']))[1];
  assert.equal(spent, '0.25');
  const account = await client.sendCommand(['FW.GET', key]); // account.spent
  assert.equal(account.spent, '0.25');
  assert.equal(account.blocked_reason, null);
  await assert.rejects(client.sendCommand(['FW.VOID', key, 'nothing']), (error) => {
    return error instanceof ErrorReply && error.message.startsWith('NOHOLD ');
  });
  // Words are strings or Buffers: a number is refused before it is sent.
  await assert.rejects(async () => client.sendCommand(['FW.ADMIT', key, 'COST', 2]), TypeError);
  await client.close();
}

async function bigIntegers() {
  const client = await connect();
  await client.sendCommand(['FW.LIMIT', 'acct:js', 'requests', 'MAX', '9223372036854775807']);
  const inexact = await client.sendCommand(['FW.PEEK', 'acct:js']);
  assert.equal(inexact[2], 2 ** 63); // 9223372036854775808, which is one too many
  const exact = client.withTypeMapping({ [RESP_TYPES.NUMBER]: String });
  assert.equal((await exact.sendCommand(['FW.PEEK', 'acct:js']))[2], '9223372036854775807');
  await client.close();
}

async function bytesThatAreNotUtf8() {
  const client = await connect();
  await client.sendCommand(['FW.ADMIT', 'acct:js', 'HOLD', Buffer.from([0xfe]), '1']);
  assert.equal((await client.sendCommand(['FW.HOLDS', 'acct:js']))[0].id, '\ufffd'); // the id is lost
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  assert.deepEqual((await bytes.sendCommand(['FW.HOLDS', 'acct:js']))[0].id, Buffer.from([0xfe]));
  await client.close();
}

/** A lost reply is an error, and the caller asks again: the ID keeps it from being charged twice. */
async function asksAgain() {
  const client = await connect({ socket: { port: LOSSY_PORT } });
  const spend = () => client.sendCommand(['FW.SPEND', 'acct:lossy', '1', 'ID', 'evt-1']);
  let reply = await spend().catch((error) => error);
  assert(reply instanceof Error && !(reply instanceof ErrorReply), 'a lost reply is an error');
  for (let again = 0; again < 5 && reply instanceof Error; again++) {
    reply = await spend().catch((error) => error);
  }
  assert.deepEqual(reply.slice(0, 2), ['DUPLICATE', '1']);
  client.destroy();
}

(async () => {
  await play(2);
  await play(3);
  await inOneLineEach();
  await bigIntegers();
  await bytesThatAreNotUtf8();
  await asksAgain();
  console.log(`node-redis ${require('redis/package.json').version} plays the script`);
})();
