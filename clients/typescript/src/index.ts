// Client of fw-limits, the Redis module for rate limits, spending limits and quotas.

export * as commands from './commands.js';
export { MAPPING, Command } from './commands.js';
export type { Figure, Request, Spend } from './commands.js';
export {
  Conflict,
  CostUnknown,
  FwError,
  Invalid,
  isUnavailable,
  NoAccount,
  NoHold,
  NoLease,
  NotAllowed,
  OutOfMemory,
  Stale,
  Unavailable,
  WrongType,
} from './errors.js';
export { Hold } from './holds.js';
export type { HoldOptions, Served, Total } from './holds.js';
export type { Window } from './http.js';
export { Lease, Stop } from './leases.js';
export type { Leased, LeaseOptions, Why } from './leases.js';
export { Limits } from './limits.js';
export type { Cluster, LimitsOptions, OneServer } from './limits.js';
export { Money } from './money.js';
export type { Amount } from './money.js';
export { Admission, HTTP_STATUS, MoneyReply, Reservation } from './replies.js';
export type { Result, Verdict } from './replies.js';
export type {
  Account,
  Explanation,
  HeldLease,
  Limit,
  LogEntry,
  OpenHold,
  Source,
  Tier,
} from './views.js';
export type { Count, Text } from './words.js';
