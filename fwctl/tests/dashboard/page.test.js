// The page in a browser: what it shows as accounts change, and that what they contain stays text.
// FWCTL, FW_MODULE and FW_CHROMIUM name the programs; FW_KEEP names the picture to keep.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';

const PATIENCE_MS = 30_000;
const HOSTILE = '<img src=x onerror="window.hit=1">';
const { FWCTL, FW_MODULE, FW_CHROMIUM, FW_KEEP, FW_REDIS_SERVER = 'redis-server' } = process.env;

const folder = mkdtempSync(join(tmpdir(), 'fw-dashboard-'));
const said = []; // errors on the console
const asked = []; // addresses of requests
let port, redis, fwctl, browser, page, home;

const send = (...words) => {
  const options = { encoding: 'utf8', timeout: PATIENCE_MS };
  const reply = execFileSync('redis-cli', ['-e', '-p', String(port), ...words], options);
  return reply.trim();
};

async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    assert.ok(Date.now() < end, `it does not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ended = (child) => new Promise((resolve) => child.once('exit', resolve));

async function startRedis() {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const settings = ['--fw.test-clock', 'yes', '--fw.new-accounts', 'open'];
  const words = [...options, '--loadmodule', FW_MODULE, ...settings];
  redis = spawn(FW_REDIS_SERVER, words, { stdio: 'ignore' });
  await until('the server', () => send('PING') === 'PONG');
  send('FW.CLOCK', 'SET', '1767225600000');
}

async function stopRedis() {
  const gone = ended(redis);
  redis.kill('SIGKILL');
  await gone;
}

before(async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  port = probe.address().port;
  await new Promise((resolve) => probe.close(resolve));
  await startRedis();
  const server = ['-u', `redis://127.0.0.1:${port}`, '--now-ms', '1767225600000'];
  const words = [...server, 'dashboard', '--listen', '127.0.0.1:0'];
  fwctl = spawn(FWCTL, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: fwctl.stderr });
  home = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /dashboard at (http:\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
    fwctl.once('exit', (code) => reject(new Error(`fwctl ended with ${code}`)));
  });
  // Root has no sandbox. Names are not looked up: nothing can leave this machine unseen.
  const args = ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];
  browser = await puppeteer.launch({ executablePath: FW_CHROMIUM, headless: 'shell', args });
  page = await browser.newPage();
  await page.setViewport({ width: 1100, height: 1250 });
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(home);
});

after(async () => {
  await browser?.close();
  fwctl?.kill();
  redis?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const text = (id) => page.$eval(`#${id}`, (element) => element.textContent);
const shows = (id, words) => until(`${words} in ${id}`, async () => (await text(id)).includes(words));

async function fill(id, words) {
  await page.$eval(`#${id}`, (input, words) => (input.value = words), words);
}

async function show(account) {
  await fill('account', account);
  await page.click('#ask button');
}

test('a denial and its reason appear while one looks', async () => {
  await shows('state', 'live, 1 server');
  send('FW.ADMIT', 'acct:42', 'TOKENS', '900');
  await show('42');
  await shows('standing', 'active');
  await shows('about', 'a request nowOK');
  send('FW.ADMIT', 'acct:42', 'COST', '599');
  assert.match(send('FW.ADMIT', 'acct:42'), /RATE_LIMITED/);
  await shows('about', 'RATE_LIMITED requests; again in 1 min 0 s');
  await shows('windows', '6000platformin 1 min 0 s');
  await shows('legend', 'rate_limited');
  send('FW.SPEND', 'acct:42', '50', 'ID', 'a');
  await shows('standing', 'spend_limit: the month’s spend limit is reached');
  await shows('spent', '$50 spent and $0 held of $50');
});

test('a request is explained, and again as things change', async () => {
  await page.click('#why button');
  await shows('verdict', 'SUSPENDED spend_limit');
  send('FW.TOPUP', 'acct:42', '100', 'ID', 't');
  await shows('verdict', 'RATE_LIMITED requests');
  await fill('cost', '0');
  await fill('hold', '451');
  await page.click('#why button');
  await shows('verdict', 'OVER_BUDGET spend');
  await shows('checks', 'DENYbudget$451 asked');
  await fill('hold', 'much');
  await page.click('#why button');
  await shows('verdict', 'cannot be asked: ERR');
});

test('a hold and a lease appear, and lapse', async () => {
  send('FW.ADMIT', 'acct:42', 'COST', '0', 'HOLD', 'req-1', '1.25', 'TTL', '30000');
  send('FW.QUOTA', 'acct:42', 'RESERVE', 'train-1', 'h100', '4', 'TTL', '30000');
  await shows('holds', 'req-1$1.25$0$1.25');
  await shows('leases', 'train-11h100 4in 30 s');
  await shows('spent', '$1.25 held of $500');
  send('FW.CLOCK', 'ADVANCE', '30000');
  await until('no hold', async () => (await text('holds')) === 'none');
  await until('no lease', async () => (await text('leases')) === 'none');
});

test('what accounts contain stays text', async () => {
  const key = `acct:${HOSTILE}`;
  send('FW.ADMIT', key, 'COST', '0', 'SCOPE', '<b>', 'HOLD', HOSTILE, '1');
  send('FW.QUOTA', key, 'RESERVE', HOSTILE, 'h100', '1');
  send('FW.LIMIT', key, 'requests@<b>', 'MAX', '5');
  send('FW.SUSPEND', key, HOSTILE);
  await show(HOSTILE);
  for (const id of ['standing', 'about', 'holds', 'leases', 'log']) await shows(id, HOSTILE);
  await shows('windows', 'requests@<b>');
  await page.click('#why button');
  // FW.EXPLAIN puts a stroke before quotes.
  await shows('checks', HOSTILE.split('"')[0]);
  await show(`${HOSTILE} nobody`);
  await shows('trouble', `no such account: there is no key ${key} nobody`);
  assert.equal(await page.$('img, b b, #shown script'), null);
  assert.equal(await page.evaluate(() => window.hit), undefined);
});

test('figures that are no longer true are not left standing, and come back', async () => {
  const unknown = said.splice(0);
  assert.deepEqual(unknown.filter((line) => !/ 40[04] /.test(line)), []);
  await show('42');
  await shows('standing', 'active');
  await stopRedis();
  await shows('state', 'away');
  assert.ok(await page.$eval('#shown', (element) => element.hidden));
  await startRedis();
  send('FW.ADMIT', 'acct:42');
  await shows('state', 'live, 1 server');
  await shows('standing', 'active');
  const away = said.splice(0);
  assert.deepEqual(away.filter((line) => !/ (404|503) /.test(line)), []);
});

test('it is light and dark', async () => {
  const colour = async (value) => {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
    return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  };
  assert.notEqual(await colour('light'), await colour('dark'));
});

test('the picture for the README', { skip: FW_KEEP ? false : 'FW_KEEP is not set' }, async () => {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  send('FW.SET', 'acct:42', 'tier', 'tier-2');
  send('FW.QUOTA', 'acct:42', 'RESERVE', 'train-1', 'h100', '4');
  send('FW.ADMIT', 'acct:42', 'COST', '20', 'TOKENS', '900', 'HOLD', 'req-1', '1.25');
  send('FW.SPEND', 'acct:42', '447.5', 'ID', 'e1');
  for (let look = 0; look < 12; look += 1) {
    for (let cost = 0; cost < 3 + (look * 5) % 7; cost += 1) send('FW.ADMIT', `acct:${cost}`, 'COST', '90');
    const looks = asked.length;
    await until('a look', () => asked.length > looks + 2);
  }
  await fill('hold', '80');
  await page.click('#why button');
  await shows('verdict', 'OVER_BUDGET');
  await page.screenshot({ path: FW_KEEP });
  assert.ok(statSync(FW_KEEP).size <= 200_000, `${FW_KEEP} is too large`);
});

test('nothing was said on the console, and nothing left loopback', () => {
  assert.deepEqual(said.filter((line) => !/ 400 /.test(line)), []);
  assert.ok(asked.length > 5);
  assert.deepEqual(asked.filter((url) => !url.startsWith(home) && url !== 'data:,'), []);
});
