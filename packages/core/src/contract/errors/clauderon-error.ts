import type { ErrorCode } from "./error-code.ts";
import { errorTable } from "./error-table.ts";

const marker: unique symbol = Symbol.for("clauderon.error");

/** What an error is made of. */
export interface ClauderonErrorOptions<Code extends ErrorCode = ErrorCode> {
  readonly code: Code;
  /** What happened, in plain words, without a full stop. */
  readonly message: string;
  /** The one cause, when it is known. */
  readonly why?: string | undefined;
  /** What the reader can do, most useful first; commands can be copied as they stand. Never empty. */
  readonly fix: readonly [string, ...string[]];
  /** Facts for programs: names, counts, paths. Never a secret. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** The form an error has in HTTP bodies, `--json` output and the store. */
export interface ClauderonErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly why?: string | undefined;
  readonly fix: readonly string[];
  readonly retryable: boolean;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The one base of all errors that a user of clauderon can meet: what, why and the fix. Recognise it with
 * `ClauderonError.isInstance(error)`, which also holds across two copies of this package, and tell kinds apart by `code`.
 */
export class ClauderonError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly why: string | undefined;
  readonly fix: readonly [string, ...string[]];
  readonly context: Readonly<Record<string, unknown>>;

  constructor(options: ClauderonErrorOptions<Code>) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.why = options.why;
    this.fix = options.fix;
    this.context = options.context ?? {};
    Object.defineProperty(this, marker, { value: true });
  }

  /** Whether the same call may succeed later without a change. */
  get retryable(): boolean {
    return errorTable[this.code].isRetryable;
  }

  toJSON(): ClauderonErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.why === undefined ? {} : { why: this.why }),
      fix: [...this.fix],
      retryable: this.retryable,
      ...(Object.keys(this.context).length === 0 ? {} : { context: this.context }),
    };
  }

  /** True for every clauderon error, whichever copy of the package made it; with a code, for that code alone. */
  static isInstance<Wanted extends ErrorCode = ErrorCode>(
    error: unknown,
    code?: Wanted,
  ): error is ClauderonError<Wanted> {
    if (typeof error !== "object" || error === null || !(marker in error)) return false;
    return code === undefined || (error as { readonly code?: unknown }).code === code;
  }
}
