// The commands, as values: words to send, and how to read the reply. `Limits` sends them; they can go
// into a MULTI or a pipeline of node-redis, too, with `MAPPING` as its type mapping.

import { RESP_TYPES, type RedisArgument } from '@redis/client';
import { Unavailable } from './errors.js';
import { Money, type Amount } from './money.js';
import { Admission, MoneyReply, Reservation } from './replies.js';
import * as views from './views.js';
import * as wire from './wire.js';
import { count, text, type Count, type Text } from './words.js';

/** How node-redis is to read replies: ids need not be UTF-8, and counts can be beyond 2^53. */
export const MAPPING = {
  [RESP_TYPES.BLOB_STRING]: Buffer,
  [RESP_TYPES.NUMBER]: String,
  [RESP_TYPES.MAP]: Array,
};

/** What is true of a command beside its words. */
export interface Traits {
  /** It changes nothing, so a replica can answer it. */
  readonly readOnly?: boolean;
  /** Sent twice it counts once, so it may be sent again when its reply is lost. */
  readonly repeatable?: boolean;
}

export class Command<T> {
  readonly name: string;
  readonly args: readonly Text[];
  readonly readOnly: boolean;
  readonly repeatable: boolean;
  readonly #read: (reply: unknown) => T;

  constructor(
    [name, ...args]: readonly [string, ...Text[]],
    read: (reply: unknown) => T,
    { readOnly = false, repeatable = false }: Traits,
  ) {
    this.name = name;
    this.args = args;
    this.readOnly = readOnly;
    this.repeatable = repeatable || readOnly;
    this.#read = read;
  }

  /** The account; `tiers` and `help` are about none. */
  get key(): Text | undefined {
    return this.args[0] !== undefined && this.name !== 'FW.HELP' ? this.args[0] : undefined;
  }

  /** All words, as node-redis sends them. */
  get words(): RedisArgument[] {
    return [this.name, ...this.args];
  }

  /** The reply, read. One that is not understood is `Unavailable`, and no OK. */
  answer(reply: unknown): T {
    try {
      return this.#read(reply);
    } catch (error) {
      throw new Unavailable(`${this.name} replied what is not understood`, { cause: error });
    }
  }
}

/** What a request asks for. */
export interface Request {
  /** Requests; 1 if absent. */
  readonly cost?: Count | undefined;
  /** A model with limits of its own. */
  readonly scope?: Text | undefined;
  /** Reserved in the tokens windows. */
  readonly tokens?: Count | undefined;
  /** Money set aside; `fw.hold-ttl-ms` without a TTL. */
  readonly hold?: {
    readonly id: Text;
    readonly amount: Amount;
    readonly ttlMs?: Count | undefined;
  };
}

const VIEW: Traits = { readOnly: true };
const ONCE: Traits = { repeatable: true };

/** The words of an option, or none if it is absent. */
function option<T>(word: string, value: T | undefined, write: (value: T) => Text): Text[] {
  return value === undefined ? [] : [word, write(value)];
}

function money(amount: Amount): string {
  return Money.from(amount).toString();
}

function request(key: Text, { cost, scope, tokens, hold }: Request): Text[] {
  return [
    text(key),
    ...option('COST', cost, count),
    ...option('SCOPE', scope, text),
    ...option('TOKENS', tokens, count),
    ...(hold ? ['HOLD', text(hold.id), money(hold.amount)] : []),
    ...option('TTL', hold?.ttlMs, count),
  ];
}

/** Asks whether the account may be served, and takes all that is asked for, or nothing. */
export function admit(key: Text, asked: Request = {}): Command<Admission> {
  const words = request(key, asked);
  return new Command(['FW.ADMIT', ...words], (reply) => new Admission(reply), {
    repeatable: asked.hold !== undefined,
  });
}

/** The answer that `admit` would give; nothing is taken. */
export function peek(key: Text, asked: Request = {}): Command<Admission> {
  const words = request(key, asked);
  return new Command(['FW.PEEK', ...words], (reply) => new Admission(reply), VIEW);
}

/** Every check that `admit` would make, which one decides, and what would help, for people. */
export function explain(key: Text, asked: Request = {}): Command<views.Explanation> {
  return new Command(['FW.EXPLAIN', ...request(key, asked)], views.explanation, VIEW);
}

function about(words: readonly [string, ...Text[]], traits: Traits = ONCE): Command<MoneyReply> {
  return new Command(words, (reply) => new MoneyReply(reply), traits);
}

/** A charge that counts once under its `id`, or what a held request cost, or neither. */
export type Spend =
  | {
      readonly id?: Text | undefined;
      readonly hold?: undefined;
      readonly tokens?: undefined;
      readonly partial?: undefined;
    }
  | {
      readonly hold: Text;
      readonly id?: undefined;
      /** What it used; the reservation becomes that. */
      readonly tokens?: Count | undefined;
      /** It is the total so far, and the hold stays open. */
      readonly partial?: boolean | undefined;
    };

/** Records a charge. Without `id` and `hold` a second one is charged again. */
export function spend(key: Text, amount: Amount, how: Spend = {}): Command<MoneyReply> {
  const words: [string, ...Text[]] = ['FW.SPEND', text(key), money(amount)];
  if (how.hold === undefined) {
    return about([...words, ...option('ID', how.id, text)], { repeatable: how.id !== undefined });
  }
  const { hold, tokens, partial = false } = how;
  const more = [...option('TOKENS', tokens, count), ...(partial ? ['PARTIAL'] : [])];
  return about([...words, 'HOLD', text(hold), ...more]);
}

/** Closes a hold without charging more; what a partial charged stays. */
function voidHold(key: Text, id: Text): Command<MoneyReply> {
  return about(['FW.VOID', text(key), text(id)]);
}

export { voidHold as void };

/** Keeps an open hold: it lapses `ttlMs` from now. */
export function extend(key: Text, id: Text, ttlMs: Count): Command<MoneyReply> {
  return about(['FW.EXTEND', text(key), text(id), count(ttlMs)]);
}

/** Credits that were bought or, `promo`, given. */
export function topup(
  key: Text,
  amount: Amount,
  { id, promo = false }: { readonly id: Text; readonly promo?: boolean },
): Command<MoneyReply> {
  const words = [text(key), money(amount), 'ID', text(id), ...(promo ? ['PROMO'] : [])];
  return about(['FW.TOPUP', ...words]);
}

/** A credit note. */
export function refund(
  key: Text,
  amount: Amount,
  { id }: { readonly id: Text },
): Command<MoneyReply> {
  return about(['FW.REFUND', text(key), money(amount), 'ID', text(id)]);
}

/** What a paid invoice brought in. */
export interface Paid {
  readonly amount?: Amount | undefined;
}

/** What became of an invoice; `amount` goes with `paid` and lowers what is owed. */
export function invoice(
  key: Text,
  event: 'failed' | 'paid' | 'voided',
  id: Text,
  { amount }: Paid = {},
): Command<MoneyReply> {
  const words = [text(key), event.toUpperCase(), text(id), ...option('AMOUNT', amount, money)];
  return about(['FW.INVOICE', ...words]);
}

/** The fields of an account that can be set. */
export interface Fields {
  readonly paymentMethod?: boolean | undefined;
  /** A name pins it; `auto` ends that. */
  readonly tier?: string | undefined;
  /** 1 to 31: the day on which the account's month begins, UTC. */
  readonly anchorDay?: Count | undefined;
}

/** Sets the fields that are given, all or none. */
export function set(key: Text, fields: Fields): Command<MoneyReply> {
  const { paymentMethod, tier, anchorDay } = fields;
  return about([
    'FW.SET',
    text(key),
    ...option('payment-method', paymentMethod, (has) => (has ? 'yes' : 'no')),
    ...option('tier', tier, text),
    ...option('anchor-day', anchorDay, count),
  ]);
}

/** Blocks the account until `resume`. */
export function suspend(key: Text, reason: Text): Command<MoneyReply> {
  return about(['FW.SUSPEND', text(key), text(reason)]);
}

/** Ends what `suspend` began. */
export function resume(key: Text): Command<MoneyReply> {
  return about(['FW.RESUME', text(key)]);
}

/** A figure of a limit: a count, an amount, `'unlimited'`, or `'default'` (the platform's again). */
export type Figure = Count | Amount;

function figure(value: Figure): Text {
  if (typeof value === 'string') return text(value);
  return value instanceof Money ? value.toString() : count(value);
}

/** Sets what the customer chose (`value`), what the operator approved (`max`), or both. */
export function limit(
  key: Text,
  name: Text,
  { value, max }: { readonly value?: Figure | undefined; readonly max?: Figure | undefined },
): Command<views.Limit> {
  const words = [...option('VALUE', value, figure), ...option('MAX', max, figure)];
  return new Command(['FW.LIMIT', text(key), text(name), ...words], views.limit, ONCE);
}

/** A lease's time to live; 0 never lapses; absent: `fw.lease-ttl-ms`, later the lease's own. */
export interface Ttl {
  readonly ttlMs?: Count | undefined;
}

/** Holds exactly these counts under a lease, or changes nothing; a quota not named keeps its. */
export function reserve(
  key: Text,
  id: Text,
  quotas: Readonly<Record<string, Count>>,
  { ttlMs }: Ttl = {},
): Command<Reservation> {
  const wanted = Object.entries(quotas).flatMap(([name, n]) => [text(name), count(n)]);
  const words = [text(key), 'RESERVE', text(id), ...wanted, ...option('TTL', ttlMs, count)];
  return new Command(['FW.QUOTA', ...words], (reply) => new Reservation(reply), ONCE);
}

/** The heartbeat of a lease: its TTL starts anew, or the answer is the order to stop. */
export function renew(
  key: Text,
  id: Text,
  token: Count,
  { ttlMs }: Ttl = {},
): Command<Reservation> {
  const words = [text(key), 'RENEW', text(id), count(token), ...option('TTL', ttlMs, count)];
  return new Command(['FW.QUOTA', ...words], (reply) => new Reservation(reply), ONCE);
}

/** Gives a lease back; false if there was none. */
export function release(key: Text, id: Text, token?: Count): Command<boolean> {
  const words = [text(key), 'RELEASE', text(id), ...(token === undefined ? [] : [count(token)])];
  return new Command(['FW.QUOTA', ...words], (reply) => wire.integer(reply) === 1n, {});
}

/** Releases every lease with a token up to `uptoToken` that is not in `ids`; says how many. */
export function sync(key: Text, uptoToken: Count, ids: Iterable<Text>): Command<number> {
  const words = [text(key), 'SYNC', count(uptoToken), ...[...ids].map(text)];
  return new Command(['FW.QUOTA', ...words], wire.number, {});
}

/** Everything about an account; null if it does not exist. */
export function get(key: Text): Command<views.Account | null> {
  return new Command(['FW.GET', text(key)], wire.absent(views.account), VIEW);
}

/** All limits of an account; null if it does not exist. */
export function quotas(key: Text): Command<readonly views.Limit[] | null> {
  return new Command(['FW.QUOTAS', text(key)], wire.absent(wire.rows(views.limit)), VIEW);
}

/** One limit of an account; null if the account does not exist. */
export function quota(key: Text, name: Text): Command<views.Limit | null> {
  return new Command(['FW.QUOTAS', text(key), text(name)], wire.absent(views.limit), VIEW);
}

/** How many rows; 100 if absent. */
export interface Most {
  readonly count?: Count | undefined;
}

function table<T>(
  name: string,
  [key, most]: readonly [Text, Most],
  read: (row: unknown) => T,
): Command<readonly T[] | null> {
  const words = [text(key), ...option('COUNT', most.count, count)];
  return new Command([name, ...words], wire.absent(wire.rows(read)), VIEW);
}

/** The open holds, soonest lapse first; null without account. */
export function holds(key: Text, most: Most = {}): Command<readonly views.OpenHold[] | null> {
  return table('FW.HOLDS', [key, most], views.openHold);
}

/** The leases by id; null without account. */
export function leases(key: Text, most: Most = {}): Command<readonly views.HeldLease[] | null> {
  return table('FW.LEASES', [key, most], views.heldLease);
}

/** The latest changes of standing, tier and limits, newest first; null without account. */
export function log(key: Text, most: Most = {}): Command<readonly views.LogEntry[] | null> {
  return table('FW.LOG', [key, most], views.logEntry);
}

/** The platform's tier table, lowest first. */
export function tiers(): Command<readonly views.Tier[]> {
  return new Command(['FW.TIERS'], wire.rows(views.tier), VIEW);
}

/** How a command is written and what it does, or all of them: lines for people. */
export function help(command?: string): Command<readonly string[]> {
  const words = command === undefined ? [] : [text(command)];
  return new Command(['FW.HELP', ...words], wire.rows(wire.string), VIEW);
}
