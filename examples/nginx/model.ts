// A model server for the example: streams one word a token in the way of OpenAI, and tells the
// authorizer what it cost, also when the caller goes away. `model-stalls-N` waits for ever after N
// tokens. It serves whoever reaches it: only the proxy must.
//
//   PORT 9002, AUTHORIZER http://127.0.0.1:9001, SETTLE_EVERY_MS 1000 between attempts to settle

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const AUTHORIZER = process.env.AUTHORIZER ?? 'http://127.0.0.1:9001';
const SETTLE_EVERY_MS = Number(process.env.SETTLE_EVERY_MS ?? 1000);
const MOST_TOKENS = 4096; // what the authorizer holds for
const PARTIAL_EVERY = 20; // tokens; well within the hold's TTL

interface Held {
  account: string;
  hold: string;
}

/** Says what a request cost so far; true if it need not be said again. */
async function settle(held: Held, usage: object): Promise<boolean> {
  const body = JSON.stringify({ ...held, ...usage });
  const sent = await fetch(`${AUTHORIZER}/settle`, { method: 'POST', body }).catch(() => null);
  // A 4xx would come again: it is a bug, and the authorizer has logged it.
  return sent !== null && sent.status < 500;
}

async function read(request: IncomingMessage): Promise<{ model: string; most: number } | null> {
  let text = '';
  for await (const part of request) text += part;
  try {
    const { model, max_tokens = 256 } = JSON.parse(text);
    return { model: String(model), most: Math.min(Number(max_tokens), MOST_TOKENS) };
  } catch {
    return null;
  }
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

async function chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 'x-fw-account': account, 'x-fw-hold': hold } = request.headers;
  const held = { account: String(account), hold: String(hold) };
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  let tokens = 0;
  let recorded = 0;
  const asked = await read(request).catch(() => null);
  if (asked === null) {
    response.writeHead(400).end();
  } else {
    const [, stalls] = /-stalls-(\d+)$/.exec(asked.model) ?? [];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    while (tokens < asked.most && !response.destroyed) {
      tokens += 1;
      response.write(event({ choices: [{ index: 0, delta: { content: `word${tokens} ` } }] }));
      // One that fails is said again with the next total.
      const partial = { tokens, recorded, done: false };
      if (tokens % PARTIAL_EVERY === 0 && (await settle(held, partial))) recorded = tokens;
      if (tokens === Number(stalls)) await gone;
    }
    response.end(`${event({ choices: [], usage: { total_tokens: tokens } })}data: [DONE]\n\n`);
  }
  // A real server keeps it on disk until it is recorded.
  while (!(await settle(held, { tokens, recorded, done: true }))) await wait(SETTLE_EVERY_MS);
}

createServer((request, response) => void chat(request, response)).listen(
  Number(process.env.PORT ?? 9002),
  '127.0.0.1',
);
