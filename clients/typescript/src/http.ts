// HTTP fields of an answer.
//
// `x-ratelimit-{limit,remaining}-{requests,tokens}` are counts in any 60 seconds, and
// `x-ratelimit-reset-{requests,tokens}` seconds with an `s`, such as `60s` or `0.25s`, until the
// window is whole again. `RateLimit-Policy` and `RateLimit` are those of the IETF draft
// draft-ietf-httpapi-ratelimit-headers-11: q is the limit, qu its unit where that is not requests, w
// the window in seconds, r what remains, t whole seconds, rounded up, in which no more than that can be
// used: until the window is whole again, or until Retry-After where that is sooner. A window without a
// limit has no fields.

/** A rate window of 60 seconds. */
export interface Window {
  /** null: without a limit. */
  readonly limit: bigint | null;
  readonly remaining: bigint | null;
  /** Until the window is whole again. */
  readonly resetMs: number;
}

const WINDOW_SECONDS = 60;
// The largest integer that a structured field can hold (RFC 9651).
const LARGEST = 999_999_999_999_999n;

/** Whole seconds, rounded up: a client that comes back earlier would be denied again. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** The fields of windows by their units, and `Retry-After` where waiting helps. */
export function fields(
  windows: ReadonlyArray<readonly [unit: string, window: Window]>,
  retryAfter: number | null,
): Record<string, string> {
  const found: Record<string, string> = {};
  const policies: string[] = [];
  const states: string[] = [];
  for (const [unit, { limit, remaining, resetMs }] of windows) {
    if (limit === null || remaining === null) continue;
    found[`x-ratelimit-limit-${unit}`] = String(limit);
    found[`x-ratelimit-remaining-${unit}`] = String(remaining);
    found[`x-ratelimit-reset-${unit}`] = `${resetMs / 1000}s`;
    if (limit > LARGEST) continue;
    // The draft's own unit is requests, and it has none for tokens.
    const own = unit === 'requests' ? '' : `;qu="${unit}"`;
    const after = Math.min(seconds(resetMs), retryAfter || Number.POSITIVE_INFINITY);
    policies.push(`"${unit}";q=${limit}${own};w=${WINDOW_SECONDS}`);
    states.push(`"${unit}";r=${remaining};t=${after}`);
  }
  if (policies.length > 0) {
    found['RateLimit-Policy'] = policies.join(', ');
    found['RateLimit'] = states.join(', ');
  }
  if (retryAfter) found['Retry-After'] = String(retryAfter);
  return found;
}
