// What the views reply. Units are as in replies.ts; an account that does not exist is null.

import type { Money } from './money.js';
import { VERDICTS, type Verdict } from './replies.js';
import * as wire from './wire.js';
import { Row } from './wire.js';

const text = wire.absent(wire.string);
const amount = wire.absent(wire.money);
const mostMoney = wire.limit(wire.money);
const mostCount = wire.limit(wire.countWord);

/** Everything about an account (FW.GET). */
export interface Account {
  readonly tier: string;
  readonly tierSource: 'operator' | 'auto';
  /** `active`, or the reasons, comma-joined. */
  readonly standing: string;
  readonly active: boolean;
  /** Why it is suspended; empty if it is active. */
  readonly reasons: readonly string[];
  readonly blockedReason: string | null;
  readonly paymentMethod: boolean;
  readonly spent: Money;
  readonly held: Money;
  readonly limit: Money | null;
  readonly limitSource: Source;
  readonly remaining: Money | null;
  readonly credits: Money;
  readonly promo: Money;
  readonly owed: Money;
  readonly history: Money;
  readonly nextTier: string | null;
  readonly nextTierGap: Money | null;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly previousSpent: Money;
  readonly openHolds: number;
  readonly leases: number;
  readonly failedInvoices: number;
  readonly anchorDay: number;
  readonly createdMs: number;
}

/** Who decided a limit. */
export type Source = 'customer' | 'operator' | 'tier' | 'platform';
const SOURCES: readonly Source[] = ['customer', 'operator', 'tier', 'platform'];
const source = (value: unknown): Source => wire.oneOf(SOURCES, value);

export function account(reply: unknown): Account {
  const row = new Row(reply);
  const standing = row.read('standing', wire.string);
  return {
    tier: row.read('tier', wire.string),
    tierSource: row.read('tier_source', (value) => wire.oneOf(['operator', 'auto'], value)),
    standing,
    active: standing === 'active',
    reasons: standing === 'active' ? [] : standing.split(','),
    blockedReason: row.read('blocked_reason', text),
    paymentMethod: row.read(
      'payment_method',
      (value) => wire.oneOf(['yes', 'no'], value) === 'yes',
    ),
    spent: row.read('spent', wire.money),
    held: row.read('held', wire.money),
    limit: row.read('limit', mostMoney),
    limitSource: row.read('limit_source', source),
    remaining: row.read('remaining', mostMoney),
    credits: row.read('credits', wire.money),
    promo: row.read('promo', wire.money),
    owed: row.read('owed', wire.money),
    history: row.read('history', wire.money),
    nextTier: row.read('next_tier', text),
    nextTierGap: row.read('next_tier_gap', amount),
    periodStartMs: row.read('period_start_ms', wire.number),
    periodEndMs: row.read('period_end_ms', wire.number),
    previousSpent: row.read('previous_spent', wire.money),
    openHolds: row.read('open_holds', wire.number),
    leases: row.read('leases', wire.number),
    failedInvoices: row.read('failed_invoices', wire.number),
    anchorDay: row.read('anchor_day', wire.number),
    createdMs: row.read('created_ms', wire.number),
  };
}

interface Figures<Unit, Figure> {
  readonly name: string;
  /** `money` for the limit `spend`, `count` for all others. */
  readonly unit: Unit;
  /** In force; null: without a bound. */
  readonly limit: Figure | null;
  readonly max: Figure | null;
  readonly used: Figure;
  readonly remaining: Figure | null;
  readonly source: Source;
}

/** One limit (a row of FW.QUOTAS). */
export type Limit = Figures<'count', bigint> | Figures<'money', Money>;

export function limit(reply: unknown): Limit {
  const row = new Row(reply);
  const name = row.read('name', wire.string);
  const from = row.read('source', source);
  if (name === 'spend') {
    return {
      name,
      unit: 'money',
      limit: row.read('limit', mostMoney),
      max: row.read('max', mostMoney),
      used: row.read('used', wire.money),
      remaining: row.read('remaining', mostMoney),
      source: from,
    };
  }
  return {
    name,
    unit: 'count',
    limit: row.read('limit', mostCount),
    max: row.read('max', mostCount),
    used: row.read('used', wire.countWord),
    remaining: row.read('remaining', mostCount),
    source: from,
  };
}

/** A hold that is open (a row of FW.HOLDS). */
export interface OpenHold {
  /** As text; bytes that are no UTF-8 are lost in it, and kept in `idBytes`. */
  readonly id: string;
  readonly idBytes: Buffer;
  readonly amount: Money;
  readonly charged: Money;
  readonly held: Money;
  readonly tokens: bigint;
  readonly scope: string | null;
  readonly admittedMs: number;
  readonly lapsesMs: number;
}

export function openHold(reply: unknown): OpenHold {
  const row = new Row(reply);
  return {
    id: row.read('id', wire.string),
    idBytes: row.read('id', wire.bytes),
    amount: row.read('amount', wire.money),
    charged: row.read('charged', wire.money),
    held: row.read('held', wire.money),
    tokens: row.read('tokens', wire.integer),
    scope: row.read('scope', text),
    admittedMs: row.read('admitted_ms', wire.number),
    lapsesMs: row.read('lapses_ms', wire.number),
  };
}

/** A lease that is held (a row of FW.LEASES). */
export interface HeldLease {
  /** As text; bytes that are no UTF-8 are lost in it, and kept in `idBytes`. */
  readonly id: string;
  readonly idBytes: Buffer;
  readonly token: bigint;
  readonly quotas: ReadonlyMap<string, bigint>;
  /** Its own, not what is left; null: never lapses. */
  readonly ttlMs: number | null;
  readonly lapsesMs: number | null;
}

export function heldLease(reply: unknown): HeldLease {
  const row = new Row(reply);
  const quotas = [...row.read('quotas', wire.pairs)];
  return {
    id: row.read('id', wire.string),
    idBytes: row.read('id', wire.bytes),
    token: row.read('token', wire.integer),
    quotas: new Map(quotas.map(([name, held]) => [name, wire.integer(held)])),
    ttlMs: row.read('ttl_ms', wire.boundedNumber),
    lapsesMs: row.read('lapses_ms', wire.boundedNumber),
  };
}

/** A change of standing, tier or limits (a row of FW.LOG). */
export interface LogEntry {
  readonly timeMs: number;
  readonly event: string;
  readonly cause: string;
}

export function logEntry(reply: unknown): LogEntry {
  const row = new Row(reply);
  return {
    timeMs: row.read('time_ms', wire.number),
    event: row.read('event', wire.string),
    cause: row.read('cause', wire.string),
  };
}

/** A row of the tier table. */
export interface Tier {
  readonly name: string;
  /** Of a month; null: without a bound. */
  readonly limit: Money | null;
  /** What earns it. */
  readonly history: Money;
}

export function tier(reply: unknown): Tier {
  const row = new Row(reply);
  return {
    name: row.read('name', wire.string),
    limit: row.read('limit', mostMoney),
    history: row.read('history', wire.money),
  };
}

/** Every check of an admit, for people. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly policy: string;
  readonly checks: readonly string[];
}

export function explanation(reply: unknown): Explanation {
  const [first = '', ...checks] = wire.list(reply).map(wire.string);
  const [verdict, policy = ''] = first.split(' ', 2);
  return { verdict: wire.oneOf(VERDICTS, verdict), policy, checks };
}
