// What the commands reply: the same from RESP2 and RESP3.
//
// Where the wire says -1 a field is null: without a limit, never, or that waiting does not help.
// Counts and tokens are bigints, durations and times (Unix) numbers of milliseconds, money is Money.

import { fields, seconds, type Window } from './http.js';
import type { Money } from './money.js';
import * as wire from './wire.js';

/** How a request is judged, and the HTTP status of each. */
export const HTTP_STATUS = {
  OK: 200,
  DUPLICATE: 200,
  TOO_LARGE: 400,
  OVER_BUDGET: 402,
  UNKNOWN_ACCOUNT: 404,
  SUSPENDED: 412,
  RATE_LIMITED: 429,
  CONCURRENCY_LIMITED: 429,
  IN_FLIGHT: 429,
  QUOTA_EXCEEDED: 429,
} as const;

export type Verdict = keyof typeof HTTP_STATUS;
export const VERDICTS = Object.keys(HTTP_STATUS) as Verdict[];

/** What came of a command about money. DUPLICATE and LATE are results, and no errors. */
export type Result = 'OK' | 'DUPLICATE' | 'LATE';
const RESULTS: readonly Result[] = ['OK', 'DUPLICATE', 'LATE'];

function suspended(verdict: Verdict, policy: string): readonly string[] {
  return verdict === 'SUSPENDED' ? policy.split(',') : [];
}

function because(standing: string): readonly string[] {
  return standing === 'active' ? [] : standing.split(',');
}

/** The answer of admit and peek. A denial is an answer too: look at `admitted`. */
export class Admission {
  readonly verdict: Verdict;
  /** Which limit decided, or the reasons of a suspension, comma-joined. */
  readonly policy: string;
  /** Of the tightest requests window, as are the next two. */
  readonly limit: bigint | null;
  readonly remaining: bigint | null;
  readonly resetMs: number;
  /** 0 if it passed; null if waiting does not help. */
  readonly retryAfterMs: number | null;
  /** The tightest tokens window, if tokens were asked for. */
  readonly tokens: Window | null;

  constructor(reply: unknown) {
    const slots = wire.list(reply);
    this.verdict = wire.oneOf(VERDICTS, slots[0]);
    this.policy = wire.string(slots[1]);
    this.limit = wire.bounded(slots[2]);
    this.remaining = wire.bounded(slots[3]);
    this.resetMs = wire.number(slots[4]);
    this.retryAfterMs = wire.boundedNumber(slots[5]);
    this.tokens =
      slots.length === 6
        ? null
        : {
            limit: wire.bounded(slots[6]),
            remaining: wire.bounded(slots[7]),
            resetMs: wire.number(slots[8]),
          };
  }

  /** Serve it: it passed now, or had passed already under this hold. */
  get admitted(): boolean {
    return this.verdict === 'OK' || this.verdict === 'DUPLICATE';
  }

  /** Why the account is suspended; empty if it is not that. */
  get reasons(): readonly string[] {
    return suspended(this.verdict, this.policy);
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.verdict];
  }

  /** Whole seconds, rounded up, after which to come back; null if waiting does not help. */
  get retryAfter(): number | null {
    return this.retryAfterMs === null ? null : seconds(this.retryAfterMs);
  }

  /** Fields for the HTTP response, whatever the verdict. */
  headers(): Record<string, string> {
    const { limit, remaining, resetMs } = this;
    const windows: [string, Window][] = [['requests', { limit, remaining, resetMs }]];
    if (this.tokens !== null) windows.push(['tokens', this.tokens]);
    return fields(windows, this.retryAfter);
  }
}

/** The answer of every command about money, and how the account stands after it. */
export class MoneyReply {
  readonly result: Result;
  readonly spent: Money;
  readonly limit: Money | null;
  readonly held: Money;
  /** Bought and given together. */
  readonly credits: Money;
  readonly tier: string;
  readonly standing: string;

  constructor(reply: unknown) {
    const slots = wire.list(reply);
    this.result = wire.oneOf(RESULTS, slots[0]);
    this.spent = wire.money(slots[1]);
    this.limit = wire.limit(wire.money)(slots[2]);
    this.held = wire.money(slots[3]);
    this.credits = wire.money(slots[4]);
    this.tier = wire.string(slots[5]);
    this.standing = wire.string(slots[6]);
  }

  get active(): boolean {
    return this.standing === 'active';
  }

  /** Why the account is suspended; empty if it is active. */
  get reasons(): readonly string[] {
    return because(this.standing);
  }
}

/** The answer of reserve and renew. */
export class Reservation {
  readonly verdict: Verdict;
  /** Of the lease; 0 if there is none. */
  readonly token: bigint;
  /** Left; null: never lapses; 0 if there is no lease. */
  readonly ttlMs: number | null;
  readonly policy: string;
  readonly limit: bigint | null;
  readonly used: bigint;

  constructor(reply: unknown) {
    const slots = wire.list(reply);
    this.verdict = wire.oneOf(VERDICTS, slots[0]);
    this.token = wire.integer(slots[1]);
    this.ttlMs = wire.boundedNumber(slots[2]);
    this.policy = wire.string(slots[3]);
    this.limit = wire.bounded(slots[4]);
    this.used = wire.integer(slots[5]);
  }

  get reserved(): boolean {
    return this.verdict === 'OK';
  }

  /** Why the account is suspended; empty if it is not that. */
  get reasons(): readonly string[] {
    return suspended(this.verdict, this.policy);
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.verdict];
  }
}
