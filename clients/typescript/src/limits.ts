// The client: sends the commands on a connection of node-redis, a client, a pool or a cluster. The
// connection is the caller's own, with its TLS, users and reconnecting; RESP 2 or 3 makes no difference.

import type { RedisArgument, TypeMapping } from '@redis/client';
import * as commands from './commands.js';
import { MAPPING, type Command } from './commands.js';
import { classified, FwError, Unavailable } from './errors.js';
import { Hold, held, type HoldOptions, type Served } from './holds.js';
import { Lease, leased, type Leased, type LeaseOptions } from './leases.js';
import type { Amount } from './money.js';
import type { Count, Text } from './words.js';

interface SendOptions {
  typeMapping?: TypeMapping;
  abortSignal?: AbortSignal;
}

/** What `createClient` and `createClientPool` return. */
export interface OneServer {
  sendCommand(args: RedisArgument[], options?: SendOptions): Promise<unknown>;
}

/** What `createCluster` returns. */
export interface Cluster {
  getSlotRandomNode(slot: number): unknown;
  sendCommand(
    firstKey: RedisArgument | undefined,
    isReadonly: boolean | undefined,
    args: RedisArgument[],
    options?: SendOptions,
  ): Promise<unknown>;
}

export interface LimitsOptions {
  /** How long a command may take, reconnecting and all: 1 to 2147483647, 1000 if absent. */
  readonly timeoutMs?: number;
  /**
   * Whether a command that counts once however often it is sent is sent once more if the connection
   * broke before its reply came; true if absent. All others are never sent again.
   */
  readonly retry?: boolean;
}

const LONGEST_TIMER = 2 ** 31 - 1;

function method<Args extends unknown[], T>(
  build: (...args: Args) => Command<T>,
): (this: Limits, ...args: Args) => Promise<T> {
  return async function (this: Limits, ...args: Args): Promise<T> {
    return this.run(build(...args));
  };
}

/** The module's commands. Every method can throw an `FwError` or `Unavailable`. */
export class Limits {
  readonly #connection: OneServer | Cluster;
  readonly #timeoutMs: number;
  readonly #retry: boolean;

  constructor(
    connection: OneServer | Cluster,
    { timeoutMs = 1000, retry = true }: LimitsOptions = {},
  ) {
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMER) {
      throw new RangeError(`timeoutMs is 1 to ${LONGEST_TIMER}`);
    }
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#retry = retry;
  }

  /** Sends a command, and throws the error of its class if it is refused. */
  async run<T>(command: Command<T>): Promise<T> {
    const patience = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // node-redis itself would wait for a server that is away for as long as it takes.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Unavailable(`no answer within ${this.#timeoutMs} ms`));
        patience.abort(); // what waits to be sent is not sent any more
      }, this.#timeoutMs);
    });
    try {
      return command.answer(await Promise.race([this.#reply(command, patience.signal), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #reply(command: Command<unknown>, abortSignal: AbortSignal): Promise<unknown> {
    try {
      return await this.#sent(command, abortSignal);
    } catch (error) {
      const refused = classified(error);
      const again = this.#retry && command.repeatable && !abortSignal.aborted;
      if (refused instanceof FwError || refused.replied || !again) throw refused;
    }
    try {
      return await this.#sent(command, abortSignal);
    } catch (error) {
      throw classified(error);
    }
  }

  #sent(command: Command<unknown>, abortSignal: AbortSignal): Promise<unknown> {
    const options = { typeMapping: MAPPING, abortSignal };
    const { key, readOnly, words } = command;
    const to = this.#connection;
    return 'getSlotRandomNode' in to
      ? to.sendCommand(key, readOnly, words, options)
      : to.sendCommand(words, options);
  }

  readonly admit = method(commands.admit);
  readonly peek = method(commands.peek);
  readonly explain = method(commands.explain);
  readonly spend = method(commands.spend);
  readonly void = method(commands.void);
  readonly extend = method(commands.extend);
  readonly topup = method(commands.topup);
  readonly refund = method(commands.refund);
  readonly invoice = method(commands.invoice);
  readonly set = method(commands.set);
  readonly suspend = method(commands.suspend);
  readonly resume = method(commands.resume);
  readonly limit = method(commands.limit);
  readonly reserve = method(commands.reserve);
  readonly renew = method(commands.renew);
  readonly release = method(commands.release);
  readonly sync = method(commands.sync);
  readonly get = method(commands.get);
  readonly quotas = method(commands.quotas);
  readonly quota = method(commands.quota);
  readonly holds = method(commands.holds);
  readonly leases = method(commands.leases);
  readonly log = method(commands.log);
  readonly tiers = method(commands.tiers);
  readonly help = method(commands.help);

  /** A request that is held until it is spent or voided. With `await using`, what was not spent by the
   * end of the scope is voided. A denial is a value: look at `admitted`. */
  hold(key: Text, amount: Amount, options: HoldOptions = {}): Promise<Hold> {
    return Hold.admit(this, { key, amount, ...options });
  }

  /** Serves a request that is held first and spent afterwards; a denied one is not served. */
  withHold<T>(
    key: Text,
    amount: Amount,
    options: HoldOptions,
    serve: (hold: Hold) => T | Promise<T>,
  ): Promise<Served<T>> {
    return held(this, { key, amount, ...options }, serve);
  }

  /** What is held until the end of the scope (`await using`), with a heartbeat. */
  lease(
    key: Text,
    id: string,
    quotas: Readonly<Record<string, Count>>,
    options: LeaseOptions = {},
  ): Promise<Lease> {
    return Lease.reserve(this, { key, id, quotas, ...options });
  }

  /** Works for as long as the lease is held; without the lease it does not begin. */
  withLease<T>(
    key: Text,
    id: string,
    quotas: Readonly<Record<string, Count>>,
    options: LeaseOptions,
    work: (lease: Lease) => T | Promise<T>,
  ): Promise<Leased<T>> {
    return leased(this, { key, id, quotas, ...options }, work);
  }
}
