// The errors of the FW commands, as classes. A denial is none: it is an `Admission`.

import { ErrorReply } from '@redis/client';

/** An FW command that was refused, and changed nothing. Its message begins with its code. */
export abstract class FwError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Malformed, out of range, or at a bound of the account; the message names the argument. */
export class Invalid extends FwError {
  readonly code = 'ERR';
}

/** The key holds something that is no account. */
export class WrongType extends FwError {
  readonly code = 'WRONGTYPE';
}

/** There is no such account, and `fw.new-accounts` is `reject`. */
export class NoAccount extends FwError {
  readonly code = 'NOACCOUNT';
}

/** The hold was never seen, is forgotten, or (extend) is not open. */
export class NoHold extends FwError {
  readonly code = 'NOHOLD';
}

/** The lease is unknown or has lapsed: what ran under it must stop. */
export class NoLease extends FwError {
  readonly code = 'NOLEASE';
}

/** The lease has another token: whoever sent this one is no longer its owner. */
export class Stale extends FwError {
  readonly code = 'STALE';
}

/** The id was used before, with another amount or in another way. */
export class Conflict extends FwError {
  readonly code = 'CONFLICT';
}

/** A VALUE above MAX, or a command that clients may not send. */
export class NotAllowed extends FwError {
  readonly code = 'NOTALLOWED';
}

/** `maxmemory` is reached: no new hold, lease or account. What was used is still recorded. */
export class OutOfMemory extends FwError {
  readonly code = 'OOM';
}

/** There was no answer of the module: Redis is away, or refused, or too late. `cause` says more. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';

  /** Whether the server itself refused (NOPERM, LOADING, CLUSTERDOWN...). */
  get replied(): boolean {
    return isReply(this.cause);
  }
}

/** A hold's callback ended well, and nobody had said what it cost. The hold was voided. */
export class CostUnknown extends Error {
  override readonly name = 'CostUnknown';
}

/**
 * Whether there is no verdict because Redis is away, refuses, or is full. A gateway that gets one
 * of these in place of an `Admission` must not serve what costs money (HTTP 503).
 */
export function isUnavailable(error: unknown): error is Unavailable | OutOfMemory {
  return error instanceof Unavailable || error instanceof OutOfMemory;
}

/** Whether the server said it; where node-redis is installed twice, there are two such classes. */
function isReply(error: unknown): boolean {
  if (error instanceof ErrorReply) return true;
  for (let of = error; of instanceof Object; of = Object.getPrototypeOf(of)) {
    if (of.constructor.name === 'ErrorReply') return true;
  }
  return false;
}

type Refusal = new (message: string, options: ErrorOptions) => FwError;
const CLASSES = new Map<string, Refusal>([
  ['ERR', Invalid],
  ['WRONGTYPE', WrongType],
  ['NOACCOUNT', NoAccount],
  ['NOHOLD', NoHold],
  ['NOLEASE', NoLease],
  ['STALE', Stale],
  ['CONFLICT', Conflict],
  ['NOTALLOWED', NotAllowed],
  ['OOM', OutOfMemory],
]);

/** What node-redis threw, in the class of its code; `Unavailable` if the module did not say it. */
export function classified(error: unknown): FwError | Unavailable {
  // Where a name has several addresses, the error of all of them has no message.
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = message.slice(0, message.indexOf(' '));
  const kind = isReply(error) ? CLASSES.get(code) : undefined;
  // A server that lacks the module decides nothing.
  if (kind === undefined || message.startsWith('ERR unknown command')) {
    return new Unavailable(message, { cause: error });
  }
  return new kind(message, { cause: error });
}
