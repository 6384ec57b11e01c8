import { createInterface } from "node:readline";

import { ClauderonError, silentLogger, type Logger } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import type { ProxyStart } from "./control-protocol.ts";
import { failureLine } from "./failed-start.ts";
import { ProxyProcess } from "./proxy-process.ts";

function log(level: string, fields: Readonly<Record<string, unknown>>, message: string): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
}

const logger: Logger = {
  ...silentLogger,
  info: (fields, message) => log("info", fields, message),
  warn: (fields, message) => log("warn", fields, message),
  error: (fields, message) => log("error", fields, message),
  child: () => logger,
};

async function readStart(): Promise<ProxyStart> {
  const { value } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
  process.stdin.destroy();
  return parseJson(String(value), "the proxy's standard input") as ProxyStart;
}

async function main(): Promise<void> {
  process.title = "clauderon-proxy";
  // The terminal or session of whoever started this is not ours.
  process.on("SIGHUP", () => undefined);
  const start = await readStart();
  const running = await ProxyProcess.start({ ...start, logger, onEnd: () => process.exit(0) });
  process.on("SIGTERM", () => void running.end());
  process.on("SIGINT", () => void running.end());
  process.on("uncaughtException", (error) => logger.error({ error: error.stack ?? error.message }, "internal"));
  logger.info({ port: running.port, processId: process.pid }, "the proxy listens");
}

try {
  await main();
} catch (error) {
  const told = ClauderonError.isInstance(error) ? error.toJSON() : { message: (error as Error).stack };
  log("error", ...failureLine(told));
  process.exit(1);
}
