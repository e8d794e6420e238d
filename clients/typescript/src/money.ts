// Money as the module has it: dollars with 9 decimals, exact, in a bigint of nano-dollars.

/** Dollars: a `Money`, or a decimal string such as `'0.25'`. Never a number: those are not exact. */
export type Amount = Money | string;

const NANOS = 1_000_000_000n;
const GREATEST = 2n ** 63n - 1n;
const FORM = /^(\d{1,10})(?:\.(\d{1,9}))?$/;

/** An amount of dollars from 0 to 9223372036.854775807, exact. */
export class Money {
  /** The amount in nano-dollars. */
  readonly nanos: bigint;

  private constructor(nanos: bigint) {
    if (nanos < 0n || nanos > GREATEST) {
      throw new RangeError('money is 0 to 9223372036.854775807');
    }
    this.nanos = nanos;
  }

  /** Throws a TypeError for a number, a RangeError for what the module's money cannot say. */
  static from(amount: Amount): Money {
    if (amount instanceof Money) return amount;
    if (typeof amount !== 'string') {
      throw new TypeError(`money is a decimal string or a Money, not a ${typeof amount}`);
    }
    const [, dollars, decimals = ''] = FORM.exec(amount) ?? [];
    if (dollars === undefined) {
      throw new RangeError(
        'money is 1 to 10 digits, then optionally a point and 1 to 9 digits, without a sign',
      );
    }
    return new Money(BigInt(dollars) * NANOS + BigInt(decimals.padEnd(9, '0')));
  }

  static fromNanos(nanos: bigint): Money {
    if (typeof nanos !== 'bigint') throw new TypeError('nano-dollars are a bigint');
    return new Money(nanos);
  }

  plus(other: Amount): Money {
    return new Money(this.nanos + Money.from(other).nanos);
  }

  /** The price of `count` pieces at this price each; a number must be an integer. */
  times(count: number | bigint): Money {
    return new Money(this.nanos * BigInt(count));
  }

  /** The shortest decimal: `50`, `0.0000125`. */
  toString(): string {
    const decimals = String(this.nanos % NANOS)
      .padStart(9, '0')
      .replace(/0+$/, '');
    return `${this.nanos / NANOS}${decimals && `.${decimals}`}`;
  }

  toJSON(): string {
    return this.toString();
  }
}
