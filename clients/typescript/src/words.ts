// Arguments of commands: what they may be, and how they are written.

/** A key or an id: a string is sent as UTF-8; bytes that are none are a Buffer. */
export type Text = string | Buffer;

/** A count, a duration in milliseconds or a token: a whole number from 0 to 2^63 - 1. */
export type Count = number | bigint;

const GREATEST = 2n ** 63n - 1n;

export function text(value: Text): Text {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value !== 'string') {
    throw new TypeError(`a string or a Buffer was expected, not ${typeof value}`);
  }
  // It would be sent as U+FFFD, like every other one: two keys would become one.
  if (!value.isWellFormed()) throw new RangeError('a string has a lone surrogate; use a Buffer');
  return value;
}

/** The digits of a count. A number that is no exact integer is a RangeError. */
export function count(value: Count): string {
  if (typeof value !== 'bigint' && typeof value !== 'number') {
    throw new TypeError(`a number or a bigint was expected, not ${typeof value}`);
  }
  const exact = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!exact || value < 0 || value > GREATEST) {
    throw new RangeError(
      `${value} is not a whole number from 0 to 2^63 - 1; beyond 2^53 - 1 use a bigint`,
    );
  }
  return String(value);
}
