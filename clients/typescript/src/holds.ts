// A held request from its admission to its settlement.
//
// Every command carries the hold's id, so each may be sent again. If the process dies, the hold lapses
// after its TTL, and what was not charged is free. A hold that the server no longer knows (lost in a
// failover, or forgotten long after it lapsed) is charged under an id of its own, `hold:` and the
// hold's, which counts once, too; what partials have charged is not charged again.

import { randomUUID } from 'node:crypto';
import { CostUnknown, NoHold } from './errors.js';
import type { Limits } from './limits.js';
import { Money, type Amount } from './money.js';
import type { Admission, MoneyReply } from './replies.js';
import { warn } from './warn.js';
import type { Count, Text } from './words.js';

// An id is 1 to 128 bytes, and `hold:` goes before this one.
const LONGEST_ID = 123;

export interface HoldOptions {
  /** 1 to 123 bytes; a random UUID if absent. */
  readonly id?: string | undefined;
  readonly ttlMs?: Count | undefined;
  readonly cost?: Count | undefined;
  readonly scope?: Text | undefined;
  readonly tokens?: Count | undefined;
  /** Aborted: the hold is voided, and the signal's reason thrown. */
  readonly signal?: AbortSignal | undefined;
}

interface Asked extends HoldOptions {
  readonly key: Text;
  readonly amount: Amount;
}

/** What came of a request: what `serve` returned, or a denial. */
export type Served<T> =
  | { readonly admitted: true; readonly admission: Admission; readonly value: T }
  | { readonly admitted: false; readonly admission: Admission };

/** What a request cost so far, in all. */
export interface Total {
  readonly amount: Money;
  readonly tokens: Count | undefined;
}

/** A held request; made by `Limits.hold` and `Limits.withHold`. */
export class Hold implements AsyncDisposable {
  readonly key: Text;
  readonly id: string;
  /** The answer to the request, with its HTTP status and headers. */
  readonly admission: Admission;
  readonly #limits: Limits;
  #total: Total | null = null;
  #charged = Money.from('0');
  #settling = false;

  private constructor(limits: Limits, of: Pick<Hold, 'key' | 'id' | 'admission'>) {
    this.#limits = limits;
    this.key = of.key;
    this.id = of.id;
    this.admission = of.admission;
  }

  /** As `Limits.hold`. */
  static async admit(limits: Limits, asked: Asked): Promise<Hold> {
    const { key, amount, id = randomUUID(), ttlMs, signal, ...request } = asked;
    const length = Buffer.byteLength(id);
    if (length < 1 || length > LONGEST_ID) {
      throw new RangeError(`a hold's id is 1 to ${LONGEST_ID} bytes`);
    }
    signal?.throwIfAborted();
    const admission = await limits.admit(key, { ...request, hold: { id, amount, ttlMs } });
    const hold = new Hold(limits, { key, id, admission });
    if (signal?.aborted) {
      await hold[Symbol.asyncDispose]();
      throw signal.reason;
    }
    return hold;
  }

  /** Whether to serve it. If not, nothing is held. */
  get admitted(): boolean {
    return this.admission.admitted;
  }

  /** The amount and tokens that `used`, `partial` or `spend` named last. */
  get total(): Total | null {
    return this.#total;
  }

  /** Says what the request cost so far, in all; the end of `withHold` spends it. */
  used(amount: Amount, tokens?: Count): void {
    this.#mustBeOpen();
    this.#total = { amount: Money.from(amount), tokens };
  }

  /**
   * Charges the total so far, and starts the hold's TTL anew. The reply says whether the account may
   * go on. null: the server does not know the hold; the end charges everything. A total below an
   * earlier one is the error Conflict.
   */
  async partial(amount: Amount, tokens?: Count): Promise<MoneyReply | null> {
    this.used(amount, tokens);
    const how = { hold: this.id, tokens, partial: true };
    const reply = await known(this.#limits.spend(this.key, amount, how));
    const total = Money.from(amount);
    if (reply !== null && total.nanos > this.#charged.nanos) this.#charged = total;
    return reply;
  }

  /** Lets the hold lapse `ttlMs` from now; null: it is not open, and can still be spent. */
  async extend(ttlMs: Count): Promise<MoneyReply | null> {
    this.#mustBeOpen();
    return known(this.#limits.extend(this.key, this.id, ttlMs));
  }

  /**
   * Charges what the request cost in all, and closes the hold now. If it throws, it may have been
   * charged: call it again with the same figures, also after the end of `withHold`.
   */
  async spend(amount: Amount, tokens?: Count): Promise<MoneyReply> {
    this.used(amount, tokens);
    // From here on it may have been charged: it is never voided.
    this.#settling = true;
    const reply = await known(this.#limits.spend(this.key, amount, { hold: this.id, tokens }));
    if (reply !== null) return reply;
    const rest = Money.from(amount).nanos - this.#charged.nanos;
    const unpaid = Money.fromNanos(rest > 0n ? rest : 0n);
    return this.#limits.spend(this.key, unpaid, { id: `hold:${this.id}` });
  }

  /** Closes the hold without charging more, now. null: the server does not know it. */
  async void(): Promise<MoneyReply | null> {
    this.#mustBeOpen();
    this.#settling = true;
    return known(this.#limits.void(this.key, this.id));
  }

  /** Spends what was named last; if nothing was, voids, and throws CostUnknown. */
  async settle(): Promise<void> {
    if (this.#settling) return;
    if (this.#total !== null) {
      await this.spend(this.#total.amount, this.#total.tokens);
    } else {
      await this.void();
      throw new CostUnknown(`nobody said what hold ${this.id} cost; it was voided`);
    }
  }

  /** Voids the hold, unless `spend` or `void` was called. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.admitted || this.#settling) return;
    try {
      await this.void();
    } catch (error) {
      warn(`hold ${this.id} was not voided and will lapse`, error);
    }
  }

  #mustBeOpen(): void {
    if (!this.admitted) {
      throw new Error(`the request was denied (${this.admission.verdict}): nothing is held`);
    }
  }
}

/** As `Limits.withHold`. */
export async function held<T>(
  limits: Limits,
  asked: Asked,
  serve: (hold: Hold) => T | Promise<T>,
): Promise<Served<T>> {
  await using hold = await Hold.admit(limits, asked);
  const { admission } = hold;
  if (!hold.admitted) return { admitted: false, admission };
  const value = await unlessAborted(async () => serve(hold), asked.signal);
  await hold.settle();
  return { admitted: true, admission, value };
}

/** Waits for work, or for the signal: then what the work does after that is nobody's concern. */
async function unlessAborted<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** null where the server does not know the hold. */
async function known(reply: Promise<MoneyReply>): Promise<MoneyReply | null> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof NoHold) return null;
    throw error;
  }
}
