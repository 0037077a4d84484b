/** What went wrong with a request, as it is answered and as it comes from a model's process. */
export interface Problem {
  /** HTTP's. */
  readonly status: number;
  readonly message: string;
  readonly type: 'invalid_request_error' | 'authentication_error' | 'rate_limit_error' | 'server_error';
  /** The parameter that is wrong: `messages[0].content`. */
  readonly param: string | null;
  readonly code: string | null;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** A request that is refused or has failed. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
    this.name = 'ApiError';
  }
}

/** A request that can never be answered as it is. */
export const badRequest = (message: string, param: string | null, code: string | null = null): ApiError =>
  new ApiError({ status: 400, message, type: 'invalid_request_error', param, code });

/** Something that is not there. */
export const notFound = (message: string, param: string | null, code: string): ApiError =>
  new ApiError({ status: 404, message, type: 'invalid_request_error', param, code });

/** A fault that is not the client's. */
export const serverError = (message: string, code: string, status = 500): ApiError =>
  new ApiError({ status, message, type: 'server_error', param: null, code });

/** As OpenAI's API says it. */
export const errorBody = ({ message, type, param, code }: Problem) => ({ error: { message, type, param, code } });
