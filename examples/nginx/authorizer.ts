// Says whether nginx (auth_request) or Envoy (ext_authz, HTTP) may pass a request on, and records what
// it cost. Redis away, or anything unforeseen, is a 503: nothing passes without a verdict.
//
//   any method, /authorize...   Authorization: Bearer KEY
//       2xx: pass it on, with X-Fw-Account and X-Fw-Hold; else status, fields and body are the answer
//   POST /settle                a Usage, from the model: what a request cost
//
// It sees no body, so it holds the most that any request may cost: the model must not answer with more
// than MOST_TOKENS. It listens for the proxy and the model alone; callers must not reach it.
//
//   PORT 9001, REDIS_URL redis://127.0.0.1:6379, GATEWAY_KEYS sk-one=acct:1,sk-two=acct:2

import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createClient } from 'redis';
import { FwError, isUnavailable, Limits, Money, NoHold } from 'fw-limits';

const PRICE = Money.from('0.000002'); // dollars a token
const MOST_TOKENS = 4096;
const HOLD_TTL_MS = 30_000;
const LONGEST_BODY = 4096;

const client = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
client.on('error', () => {}); // every command that it fails says so
void client.connect().catch(() => {}); // it goes on trying

const limits = new Limits(client);

// Keys are compared by their digests, so that the time it takes tells nothing about them.
const digest = (key: string): string => createHash('sha256').update(key).digest('hex');

// The account comes from this table and from nothing that the caller wrote.
const accounts = new Map(
  (process.env.GATEWAY_KEYS ?? '')
    .split(',')
    .filter(Boolean)
    .map((pair) => pair.split('=', 2) as [string, string])
    .map(([key, account]) => [digest(key), account]),
);

interface Answer {
  status: number;
  code?: string;
  headers?: Record<string, string>;
}

async function authorize(request: IncomingMessage): Promise<Answer> {
  const [, key = ''] = /^bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const account = accounts.get(digest(key));
  if (account === undefined) return { status: 401, code: 'invalid_api_key' };
  // Ours, whatever the caller has sent: whoever chooses the id is served again for nothing.
  const id = randomUUID();
  const hold = { id, amount: PRICE.times(MOST_TOKENS), ttlMs: HOLD_TTL_MS };
  const admission = await limits.admit(account, { hold });
  const headers = admission.headers();
  if (!admission.admitted) {
    return { status: admission.httpStatus, code: admission.verdict.toLowerCase(), headers };
  }
  return { status: 200, headers: { ...headers, 'X-Fw-Account': account, 'X-Fw-Hold': id } };
}

/** What a held request cost so far, in all. */
interface Usage {
  account: string;
  hold: string;
  tokens: number;
  /** What of it was recorded already. */
  recorded: number;
  /** Closes the hold. */
  done: boolean;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

async function read(request: IncomingMessage): Promise<Usage | null> {
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > LONGEST_BODY) return null;
  }
  try {
    const usage = JSON.parse(body);
    const words = typeof usage.account === 'string' && typeof usage.hold === 'string';
    return words && isCount(usage.tokens) && isCount(usage.recorded) ? usage : null;
  } catch {
    return null;
  }
}

/** Records a usage. Sent again it counts once. */
async function settle(usage: Usage): Promise<Answer> {
  const { account, hold, tokens, recorded, done } = usage;
  try {
    await limits.spend(account, PRICE.times(tokens), { hold, partial: !done });
  } catch (error) {
    if (!(error instanceof NoHold)) throw error;
    // Lost in a failover, or long forgotten: charged under an id of its own when it is complete.
    const rest = PRICE.times(Math.max(tokens - recorded, 0));
    if (done) await limits.spend(account, rest, { id: `hold:${hold}` });
  }
  return { status: 204 };
}

async function answer(request: IncomingMessage): Promise<Answer> {
  try {
    if (request.url?.startsWith('/authorize')) return await authorize(request);
    if (request.url !== '/settle') return { status: 404, code: 'not_found' };
    const usage = await read(request);
    return usage === null ? { status: 400, code: 'no_usage' } : await settle(usage);
  } catch (error) {
    const away = isUnavailable(error);
    if (!away) console.error(error);
    // It would be refused again.
    if (error instanceof FwError && !away) return { status: 409, code: error.code.toLowerCase() };
    return { status: 503, code: 'unavailable', headers: { 'Retry-After': '1' } };
  }
}

function reply(response: ServerResponse, { status, code, headers = {} }: Answer): void {
  response.writeHead(status, {
    ...headers,
    ...(code && { 'X-Fw-Verdict': code, 'Content-Type': 'application/json' }),
  });
  response.end(code && JSON.stringify({ error: { message: code, type: code, param: null, code } }));
}

const server = createServer((request, response) => {
  void answer(request).then((found) => reply(response, found));
});
server.listen(Number(process.env.PORT ?? 9001), '127.0.0.1');
