// nginx, the authorizer and the model as processes of their own, over HTTP.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { freePort, Server, until } from '../../../clients/typescript/tests/servers.js';

const HERE = join(import.meta.dirname, '../../../../..'); // the example's folder
const PROGRAMS = join(import.meta.dirname, '..'); // compiled
const KEY = 'acct:1';
const PRICE_NANOS = 2000;
const MOST_TOKENS = 4096;
const TTL_MS = 30_000;

/** A program that listens on a port of its own. */
class Program {
  #process: ChildProcess | undefined;

  constructor(
    readonly port: number,
    readonly words: readonly string[],
    readonly environment: Record<string, string> = {},
  ) {}

  async start(): Promise<void> {
    const [program = '', ...args] = this.words;
    const path = `${process.env.PATH}:/usr/sbin`; // where Debian has nginx
    const env = { ...process.env, PATH: path, PORT: String(this.port), ...this.environment };
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    this.#process = child;
    process.once('exit', () => child.kill());
    await until(async () => {
      assert.equal(child.exitCode, null, `${program} ended`);
      const socket = connect(this.port, '127.0.0.1');
      const heard = once(socket, 'connect').then(
        () => true,
        () => false,
      );
      return heard.finally(() => socket.destroy());
    }, `${program} did not start`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}

/** An nginx with an authorizer of its own, as one of several front ends. */
class FrontEnd {
  readonly folder = mkdtempSync(join(tmpdir(), 'fw-nginx-'));

  private constructor(
    readonly nginx: Program,
    readonly authorizer: Program,
  ) {}

  static async start(redis: Server, modelPort: number): Promise<FrontEnd> {
    const [port, authorizerPort] = [await freePort(), await freePort()];
    const authorizer = new Program(
      authorizerPort,
      [process.execPath, `${PROGRAMS}/authorizer.js`],
      {
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        GATEWAY_KEYS: 'sk-one=acct:1,sk-two=acct:2',
      },
    );
    const words: string[] = [];
    const front = new FrontEnd(new Program(port, words), authorizer);
    words.push('nginx', '-p', front.folder, '-c', 'nginx.conf', '-e', 'stderr');
    chmodSync(front.folder, 0o755); // as root, nginx works as another user
    mkdirSync(join(front.folder, 'run'));
    for (const file of ['set-fields.conf', 'add-fields.conf']) {
      cpSync(join(HERE, file), join(front.folder, file));
    }
    let text = readFileSync(join(HERE, 'nginx.conf'), 'utf8');
    for (const [shipped, own] of [
      ['127.0.0.1:8080', port],
      ['127.0.0.1:9001', authorizerPort],
      ['127.0.0.1:9002', modelPort],
    ] as const) {
      assert(text.includes(shipped), `nginx.conf has no ${shipped}`);
      text = text.replace(shipped, `127.0.0.1:${own}`);
    }
    writeFileSync(join(front.folder, 'nginx.conf'), text);
    await authorizer.start();
    await front.nginx.start();
    return front;
  }

  chat({ key = 'sk-one', most = 30, model = 'model', headers = {}, signal }: Chat = {}) {
    return fetch(`http://127.0.0.1:${this.nginx.port}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...headers },
      body: JSON.stringify({ model, max_tokens: most, messages: [], stream: true }),
      signal: signal ?? null,
    });
  }

  async remove(): Promise<void> {
    await this.nginx.kill('SIGTERM'); // a killed one would leave its worker
    await this.authorizer.kill();
    rmSync(this.folder, { recursive: true });
  }
}

interface Chat {
  key?: string;
  most?: number;
  model?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let redis: Server;
let model: Program;
let front: FrontEnd;

before(async () => {
  redis = await Server.start();
  const port = await freePort();
  front = await FrontEnd.start(redis, port);
  model = new Program(port, [process.execPath, `${PROGRAMS}/model.js`], {
    AUTHORIZER: `http://127.0.0.1:${front.authorizer.port}`,
    SETTLE_EVERY_MS: '10',
  });
  await model.start();
});
beforeEach(() => redis.clear());
after(async () => {
  await front?.remove();
  await model?.kill();
  await redis?.remove();
});

interface Account {
  spent: string;
  held: string;
  open_holds: number;
}

function dollars(tokens: number): string {
  const nanos = String(tokens * PRICE_NANOS).padStart(10, '0');
  return `${nanos.slice(0, -9)}.${nanos.slice(-9)}`.replace(/\.?0+$/, '') || '0';
}

async function account(): Promise<Account> {
  return redis.ask<Account>('FW.GET', KEY);
}

async function isSettled(tokens: number): Promise<boolean> {
  const { spent, held, open_holds } = await account();
  return spent === dollars(tokens) && held === '0' && open_holds === 0;
}

async function refused(answer: Response): Promise<[number, string]> {
  const { error } = (await answer.json()) as { error: { code: string } };
  assert.equal(answer.headers.get('content-type'), 'application/json');
  return [answer.status, error.code];
}

/** Reads until so many words have come. */
async function words(answer: Response, wanted: number): Promise<void> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let found = 0; found < wanted;) {
    const { value, done } = await reader.read();
    assert(!done, 'the stream ended');
    found += value.split('word').length - 1;
  }
  reader.releaseLock();
}

test('a request that is admitted streams, with its fields, and is spent', async () => {
  const answer = await front.chat();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-ratelimit-limit-requests'), '600');
  assert.equal(answer.headers.get('x-ratelimit-remaining-requests'), '599');
  assert.equal(answer.headers.get('x-ratelimit-reset-requests'), '60s');
  assert.equal(answer.headers.get('ratelimit-policy'), '"requests";q=600;w=60');
  assert.equal(answer.headers.get('ratelimit'), '"requests";r=599;t=60');
  assert.equal(answer.headers.get('retry-after'), null);
  assert.equal(answer.headers.get('x-fw-account'), null);
  const text = await answer.text();
  assert.equal(text.split('word').length - 1, 30);
  assert.match(text, /"total_tokens":30.*\n\ndata: \[DONE\]/s);
  await until(() => isSettled(30), 'it was not spent');
});

test('a stream comes as it is made, and is held meanwhile', async () => {
  const abort = new AbortController();
  const answer = await front.chat({ model: 'model-stalls-3', signal: abort.signal });
  await words(answer, 3);
  assert.deepEqual(await account().then(({ held }) => held), dollars(MOST_TOKENS));
  abort.abort();
  await until(() => isSettled(3), 'one that goes away pays what was streamed');
});

test('each denial reaches the caller with its status and fields', async () => {
  await redis.ask('FW.LIMIT', KEY, 'requests', 'MAX', 1);
  await (await front.chat()).text();
  await until(() => isSettled(30), 'it was not spent'); // nothing of it comes after a clear
  const limited = await front.chat();
  assert.equal(limited.headers.get('retry-after'), '60');
  assert.equal(limited.headers.get('x-ratelimit-remaining-requests'), '0');
  assert.deepEqual(await refused(limited), [429, 'rate_limited']);

  await redis.clear();
  await redis.ask('FW.SPEND', KEY, '49.999');
  const poor = await front.chat();
  assert.equal(poor.headers.get('retry-after'), null);
  assert.equal(poor.headers.get('x-ratelimit-remaining-requests'), '600');
  assert.deepEqual(await refused(poor), [402, 'over_budget']);

  await redis.ask('FW.SUSPEND', KEY, 'fraud');
  assert.deepEqual(await refused(await front.chat()), [412, 'suspended']);

  await redis.clear();
  await redis.ask('FW.LIMIT', KEY, 'spend', 'MAX', '0.001');
  assert.deepEqual(await refused(await front.chat()), [400, 'too_large']);

  await redis.clear();
  await redis.ask('CONFIG', 'SET', 'fw.new-accounts', 'reject');
  assert.deepEqual(await refused(await front.chat()), [404, 'unknown_account']);
});

test('account and hold are those of the authorizer, whatever the caller sends', async () => {
  for (const key of ['sk-nobody', 'acct:1', '']) {
    assert.deepEqual(await refused(await front.chat({ key })), [401, 'invalid_api_key']);
  }
  assert.equal(await redis.ask('DBSIZE'), 0);
  const headers = { 'x-fw-account': 'acct:2', 'x-fw-hold': 'mine', 'x-request-id': 'mine' };
  for (const _ of [1, 2]) await (await front.chat({ headers })).text();
  await until(() => isSettled(60), 'it was not spent');
  assert.deepEqual(await redis.ask('KEYS', '*'), [KEY]);
  const inside = await fetch(`http://127.0.0.1:${front.nginx.port}/authorize`);
  assert.equal(inside.status, 404);
  const settle = await fetch(`http://127.0.0.1:${front.nginx.port}/settle`, { method: 'POST' });
  assert.equal(settle.status, 404);
});

test('without Redis nothing passes', async () => {
  await redis.kill();
  try {
    const answer = await front.chat();
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.deepEqual(await refused(answer), [503, 'unavailable']);
  } finally {
    await redis.start();
  }
  await until(async () => (await front.chat()).status === 200, 'it did not come back');
  await until(() => isSettled(30), 'it was not spent');
});

test('without the authorizer nothing passes, and what was streamed is recorded later', async () => {
  const abort = new AbortController();
  const answer = await front.chat({ model: 'model-stalls-3', signal: abort.signal });
  await words(answer, 3);
  await front.authorizer.kill();
  try {
    assert.deepEqual(await refused(await front.chat()), [503, 'unavailable']);
    abort.abort();
  } finally {
    await front.authorizer.start();
  }
  await until(() => isSettled(3), 'it was not recorded');
});

test('what was streamed while Redis went away is recorded when it is back', async () => {
  const abort = new AbortController();
  const answer = await front.chat({ model: 'model-stalls-3', signal: abort.signal });
  await words(answer, 3);
  await redis.kill();
  abort.abort();
  await redis.start(); // it has kept nothing: neither the hold nor the account
  await until(async () => (await redis.ask('EXISTS', KEY)) === 1, 'it was not recorded');
  assert(await isSettled(3));
});

test('a model that dies leaves the hold to lapse, and what it has said so far is charged', async () => {
  const answer = await front.chat({ model: 'model-stalls-25' });
  await words(answer, 25);
  await model.kill();
  try {
    assert.deepEqual(await account().then((found) => [found.spent, found.open_holds]), [
      dollars(20),
      1,
    ]);
    await redis.advance(TTL_MS - 1);
    assert.equal((await account()).open_holds, 1);
    await redis.advance(1);
    assert(await isSettled(20));
  } finally {
    await model.start();
  }
});

test('a caller that goes away while nobody can settle leaves the hold to lapse', async () => {
  const abort = new AbortController();
  const answer = await front.chat({ model: 'model-stalls-3', signal: abort.signal });
  await words(answer, 3);
  await model.kill();
  abort.abort();
  assert.equal((await account()).open_holds, 1);
  await redis.advance(TTL_MS);
  assert(await isSettled(0));
  await model.start();
});

test('two front ends that share an account do not pass its limit together', async () => {
  const other = await FrontEnd.start(redis, model.port);
  try {
    await redis.ask('FW.LIMIT', KEY, 'requests', 'MAX', 10);
    const asked = Array.from({ length: 40 }, (_, at) => (at % 2 ? front : other).chat());
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 10);
    assert.equal(statuses.filter((status) => status === 429).length, 30);
    await until(() => isSettled(10 * 30), 'they were not spent');
  } finally {
    await other.remove();
  }
});

test('the contract of an HTTP ext_authz, without nginx', async () => {
  const url = `http://127.0.0.1:${front.authorizer.port}`;
  const check = (key: string) =>
    fetch(`${url}/authorize/v1/chat/completions?x=1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${key}`, 'x-request-id': 'r-1' },
    });
  await redis.ask('FW.LIMIT', KEY, 'requests', 'MAX', 1);
  const passed = await check('sk-one');
  assert.equal(passed.status, 200);
  assert.equal(passed.headers.get('x-fw-account'), KEY);
  const hold = passed.headers.get('x-fw-hold');
  assert.equal((await account()).open_holds, 1);
  const denied = await check('sk-one');
  assert.equal(denied.headers.get('retry-after'), '60');
  assert.deepEqual(await refused(denied), [429, 'rate_limited']);
  const settle = (usage: unknown) =>
    fetch(`${url}/settle`, { method: 'POST', body: JSON.stringify(usage) });
  const usage = { account: KEY, hold, tokens: 7, recorded: 0, done: true };
  for (const _ of [1, 2]) assert.equal((await settle(usage)).status, 204);
  assert(await isSettled(7));
  const lost = { ...usage, hold: 'lost', tokens: 9, recorded: 4 };
  for (const _ of [1, 2]) assert.equal((await settle(lost)).status, 204);
  assert(await isSettled(7 + 5));
  assert.equal((await settle({ ...usage, tokens: 8 })).status, 409);
  for (const wrong of [{}, { ...usage, tokens: -1 }, { ...usage, tokens: '7' }, null]) {
    assert.equal((await settle(wrong)).status, 400);
  }
});
