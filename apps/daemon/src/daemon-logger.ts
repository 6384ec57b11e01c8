import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

import type { Logger } from "@clauderon/core/contract";
import { destination, multistream, pino, type DestinationStream } from "pino";

/** A log larger than this at the start becomes `daemon.log.1`. */
const ROTATE_BYTES = 10 * 1024 * 1024;

const secretNames = ["token", "authorization", "environment", "callerEnvironment", "headers"];

/** Path of the log of a home's daemon. */
export function daemonLogPath(homeDirectory: string): string {
  return join(homeDirectory, "logs", "daemon.log");
}

/** Lines of JSON in `<home>/logs/daemon.log`, on standard error too when in the foreground. */
export function createDaemonLogger(options: {
  readonly homeDirectory: string;
  readonly isForeground: boolean;
}): Logger {
  const path = daemonLogPath(options.homeDirectory);
  mkdirSync(join(options.homeDirectory, "logs"), { recursive: true, mode: 0o700 });
  if (existsSync(path) && statSync(path).size > ROTATE_BYTES) renameSync(path, `${path}.1`);
  // Synchronous: the last lines before a kill are the ones that matter, and there are few.
  const file: DestinationStream = destination({ dest: path, sync: true, mode: 0o600 });
  const stream = options.isForeground ? multistream([{ stream: file }, { stream: process.stderr }]) : file;
  return pino(
    {
      base: { pid: process.pid },
      redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[secret]" },
      serializers: { error: describeError, cause: describeError },
    },
    stream,
  );
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = (error as { readonly code?: unknown }).code;
  return { name: error.name, message: error.message, code, stack: error.stack, cause: describeError(error.cause) };
}
