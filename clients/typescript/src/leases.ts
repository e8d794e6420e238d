// A lease for as long as a job runs, and the heartbeat that tells the job when it must stop.
//
// The heartbeat renews the lease every third of its TTL. It gives the order to stop, once, by
// `signal`, when the account is suspended, when the lease is gone or another's, or when no renewal
// succeeded for a whole TTL: by then the units may be somebody else's. A process that dies stops
// renewing, and the lease lapses.

import { NoAccount, NoLease, Stale } from './errors.js';
import type { Limits } from './limits.js';
import type { Reservation } from './replies.js';
import { warn } from './warn.js';
import type { Count, Text } from './words.js';

/** Why a job must stop. AWAY: Redis did not answer for longer than the lease's TTL. */
export type Why = 'SUSPENDED' | 'UNKNOWN_ACCOUNT' | 'NOLEASE' | 'STALE' | 'AWAY';

/** The order to stop: the reason of `lease.signal`. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly why: Why;
  /** The reasons of the suspension, or what the error said. */
  readonly detail: string;

  constructor(why: Why, detail: string) {
    super(`the job must stop: ${why} ${detail}`.trimEnd());
    this.why = why;
    this.detail = detail;
  }
}

export interface LeaseOptions {
  /** 0 never lapses, and needs `everyMs`; `fw.lease-ttl-ms` if absent. */
  readonly ttlMs?: Count | undefined;
  /** Between two heartbeats; a third of the TTL if absent. */
  readonly everyMs?: number | undefined;
}

interface Asked extends LeaseOptions {
  readonly key: Text;
  readonly id: string;
  readonly quotas: Readonly<Record<string, Count>>;
}

/** What came of a job: what `work` returned, or a denial. */
export type Leased<T> =
  | { readonly reserved: true; readonly reservation: Reservation; readonly value: T }
  | { readonly reserved: false; readonly reservation: Reservation };

const LONGEST_TIMER = 2 ** 31 - 1;

/** A lease; made by `Limits.lease` and `Limits.withLease`. */
export class Lease implements AsyncDisposable {
  readonly key: Text;
  readonly id: string;
  readonly #limits: Limits;
  readonly #stopped = new AbortController();
  #reservation: Reservation;
  #unheard = '';
  #ended = false;
  #beat: NodeJS.Timeout | undefined;
  #away: NodeJS.Timeout | undefined;

  private constructor(limits: Limits, { key, id }: Asked, reservation: Reservation) {
    this.#limits = limits;
    this.key = key;
    this.id = id;
    this.#reservation = reservation;
  }

  /** As `Limits.lease`. */
  static async reserve(limits: Limits, asked: Asked): Promise<Lease> {
    const sent = performance.now();
    const { key, id, quotas, ttlMs, everyMs } = asked;
    const lease = new Lease(limits, asked, await limits.reserve(key, id, quotas, { ttlMs }));
    if (!lease.#isHeld()) return lease;
    const ttl = lease.reservation.ttlMs;
    const every = everyMs ?? (ttl === null ? NaN : ttl / 3);
    if (!(every > 0)) {
      await lease[Symbol.asyncDispose]();
      throw new RangeError('everyMs is above 0, and a lease that never lapses needs it');
    }
    lease.#arm(sent);
    lease.#beatAfter(Math.min(every, LONGEST_TIMER));
    return lease;
  }

  /** The latest answer about the lease. */
  get reservation(): Reservation {
    return this.#reservation;
  }

  /** Whether to begin. */
  get reserved(): boolean {
    return this.#reservation.reserved;
  }

  get token(): bigint {
    return this.#reservation.token;
  }

  /** Aborted with the order to stop; its reason is a `Stop`. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  /** The order to stop, once it was given. */
  get stop(): Stop | null {
    return this.signal.aborted ? (this.signal.reason as Stop) : null;
  }

  /** One heartbeat by hand. Throws NoLease and Stale: the job must stop. */
  renew(): Promise<Reservation> {
    return this.#limits.renew(this.key, this.id, this.token);
  }

  /** Gives the lease back; false if it was gone. Throws Stale if it is another's. */
  release(): Promise<boolean> {
    return this.#limits.release(this.key, this.id, this.token);
  }

  /** Ends the heartbeat, and releases what is still held. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    if (!this.#isHeld()) return;
    try {
      await this.release();
    } catch (error) {
      // One that is another's is not ours to release.
      if (!(error instanceof Stale))
        warn(`lease ${this.id} was not released and will lapse`, error);
    }
  }

  #isHeld(): boolean {
    return this.reserved && this.token > 0n;
  }

  #beatAfter(every: number): void {
    this.#beat = setTimeout(async () => {
      const sent = performance.now();
      const order = await this.#renewed(sent);
      if (this.#ended) return;
      if (order === null) this.#beatAfter(every);
      else this.#order(order);
    }, every);
  }

  /** The order that a heartbeat brings back; null if the job may go on. */
  async #renewed(sent: number): Promise<Stop | null> {
    try {
      const answer = await this.renew();
      if (!answer.reserved) return new Stop(answer.verdict as Why, answer.policy);
      this.#reservation = answer;
      if (!this.#ended) this.#arm(sent);
      return null;
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (error instanceof NoLease || error instanceof NoAccount) return new Stop('NOLEASE', said);
      if (error instanceof Stale) return new Stop('STALE', said);
      this.#unheard = said;
      return null;
    }
  }

  /** Sets the time at which the lease may lapse: its TTL after its last renewal was sent. */
  #arm(sent: number): void {
    clearTimeout(this.#away);
    const { ttlMs } = this.reservation;
    if (ttlMs === null) return;
    const left = sent + ttlMs - performance.now();
    this.#away = setTimeout(
      () => {
        if (left > LONGEST_TIMER) this.#arm(sent);
        else this.#order(new Stop('AWAY', this.#unheard || 'no answer'));
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER),
    );
  }

  #order(stop: Stop): void {
    this.#end();
    this.#stopped.abort(stop);
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#away);
  }
}

/** As `Limits.withLease`. */
export async function leased<T>(
  limits: Limits,
  asked: Asked,
  work: (lease: Lease) => T | Promise<T>,
): Promise<Leased<T>> {
  await using lease = await Lease.reserve(limits, asked);
  const { reservation } = lease;
  if (!lease.reserved) return { reserved: false, reservation };
  const value = await work(lease);
  return { reserved: true, reservation, value };
}
