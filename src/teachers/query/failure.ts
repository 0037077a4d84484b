/**
 * What a request that failed means:
 * `slow-down`: the server has too much to do, every worker waits; `again`: this request may work next time; `row`: the
 * server will not answer this question, others it may; `key`: it does not accept the key any more; `parameter`: it
 * answers no question with this parameter; `fatal`: it will answer no question like this one.
 */
export type FailureClass = 'slow-down' | 'again' | 'row' | 'key' | 'parameter' | 'fatal';

export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  /** The server asks to wait so long, ms. */
  readonly afterMs: number | undefined;
  /** It may have been answered, and paid for, all the same. */
  readonly unknown: boolean;
  /** It never reached a server. */
  readonly refused: boolean;
  /** A `slow-down` that counts as an attempt. */
  readonly again: boolean;
  /** Of kind `parameter`: its name. `top_logprobs`: fewer would do; `logprobs`: none would. */
  readonly param: string | undefined;

  constructor(
    readonly kind: FailureClass,
    message: string,
    more: { afterMs?: number; unknown?: boolean; refused?: boolean; again?: boolean; param?: string } = {},
  ) {
    super(message);
    this.afterMs = more.afterMs;
    this.unknown = more.unknown ?? false;
    this.refused = more.refused ?? false;
    this.again = more.again ?? false;
    this.param = more.param;
  }

  /** The same failure in other circumstances. */
  with(message: string, more: { unknown?: boolean } = {}): RequestFailure {
    const { kind, afterMs, unknown, refused, again, param } = this;
    return new RequestFailure(kind, message, {
      unknown,
      refused,
      again,
      ...(afterMs === undefined ? {} : { afterMs }),
      ...(param === undefined ? {} : { param }),
      ...more,
    });
  }
}
