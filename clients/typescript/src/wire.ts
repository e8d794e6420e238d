// Reads what node-redis returns: strings or Buffers, integers as numbers or as strings, maps in each
// of the forms that it has for them (RESP2 has flat lists). What does not fit throws a TypeError.

import { Money } from './money.js';

function unexpected(wanted: string, value: unknown): never {
  throw new TypeError(`${wanted} was expected, not ${JSON.stringify(value) ?? typeof value}`);
}

export function string(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString();
  return typeof value === 'string' ? value : unexpected('a string', value);
}

export function bytes(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(string(value));
}

/** An integer; one that node-redis has rounded already is refused. */
export function integer(value: unknown): bigint {
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  return Number.isSafeInteger(value) ? BigInt(value as number) : unexpected('an integer', value);
}

/** A count that is written as a string, as in the rows of limits. */
export function countWord(value: unknown): bigint {
  return integer(string(value));
}

/** A duration or a time, all of which a number can say. */
export function number(value: unknown): number {
  const found = Number(integer(value));
  return Number.isSafeInteger(found) ? found : unexpected('a smaller integer', value);
}

/** An integer that is -1 where there is no bound. */
export function bounded(value: unknown): bigint | null {
  const found = integer(value);
  return found === -1n ? null : found;
}

/** A duration or a time that is -1 where there is none. */
export function boundedNumber(value: unknown): number | null {
  const found = number(value);
  return found === -1 ? null : found;
}

export function money(value: unknown): Money {
  return Money.from(string(value));
}

/** The reader of what may be `unlimited`. */
export function limit<T>(read: (value: unknown) => T): (value: unknown) => T | null {
  return (value) => (string(value) === 'unlimited' ? null : read(value));
}

/** The reader of what may be Null. */
export function absent<T>(read: (value: unknown) => T): (value: unknown) => T | null {
  return (value) => (value === null ? null : read(value));
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : unexpected('a list', value);
}

/** The reader of a list of rows. */
export function rows<T>(read: (value: unknown) => T): (value: unknown) => readonly T[] {
  return (value) => list(value).map(read);
}

export function pairs(value: unknown): ReadonlyMap<string, unknown> {
  if (value instanceof Map) return new Map([...value].map(([name, item]) => [string(name), item]));
  if (Array.isArray(value)) {
    const found = new Map<string, unknown>();
    for (let at = 0; at < value.length; at += 2) found.set(string(value[at]), value[at + 1]);
    return found;
  }
  if (typeof value !== 'object' || value === null) return unexpected('a map', value);
  return new Map(Object.entries(value));
}

/** A map whose fields are read one by one; one that is missing is no string, and throws. */
export class Row {
  readonly #fields: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    this.#fields = pairs(value);
  }

  read<T>(name: string, read: (value: unknown) => T): T {
    return read(this.#fields.get(name));
  }
}

/** One of the words that are known. */
export function oneOf<T extends string>(words: readonly T[], value: unknown): T {
  const word = string(value);
  return words.find((known) => known === word) ?? unexpected(words.join(', '), word);
}
