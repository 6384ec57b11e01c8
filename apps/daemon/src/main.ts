import { ClauderonError, InternalError } from "@clauderon/core/contract";

import { runDaemon } from "./run-daemon.ts";

// The daemon as a program of its own: `node main.js`. What it says on standard error is one JSON object.
try {
  await runDaemon({ environment: process.env, isForeground: false });
  process.exitCode = 0;
} catch (error) {
  const known = ClauderonError.isInstance(error) ? error : new InternalError(error);
  process.stderr.write(`${JSON.stringify({ error: known })}\n`);
  process.exitCode = 1;
}
