import type { AuditRecord } from "@clauderon/proxy";

import { defineCommand, type Command } from "../command/command.ts";
import { counted } from "../output/count.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { parseCount } from "../values/number.ts";

const DEFAULT_LINES = 200;

export const proxyLogCommand: Command = defineCommand({
  meta: {
    name: "log",
    description: "Show what the proxy decided, oldest first. It holds no credential and no value of a query.",
  },
  args: {
    name: { type: "positional", description: "only this session, also one that is deleted", completes: "sessions" },
    lines: { type: "string", alias: "n", valueHint: "N", description: `how many; default ${DEFAULT_LINES}` },
    follow: { type: "boolean", alias: "f", description: "go on with what happens" },
    blocked: { type: "boolean", description: "only what was refused or failed" },
  },
  jsonFields: [
    "timestamp",
    "correlation_id",
    "session_id",
    "service",
    "method",
    "path",
    "auth_injected",
    "response_code",
    "duration_ms",
    "decision",
    "kind",
    "session_name",
    "scheme",
    "port",
    "rule",
    "secret",
    "reason",
    "bytes_sent",
    "bytes_received",
    "missing",
  ],
  examples: [
    "proxy log",
    "proxy log fix-login --blocked",
    "proxy log -f --json",
    "proxy log -n 20 --json=service,decision",
  ],
  notes: [
    "With --json: one object per line.",
    "A line of the kind gap tells of a time in which nothing could be written down, and nothing was let through.",
  ],
  async run({ args, context }) {
    const { output, flags, signal } = context;
    const count = args.lines === undefined ? DEFAULT_LINES : parseCount("--lines", args.lines);
    const home = await context.access.proxyHome();
    if (!home.settings.audit.isEnabled) output.note("nothing is written down: audit_enabled is false in proxy.toml");
    const filter = { session: args.name, isBlocked: args.blocked };
    for await (const record of home.log({ filter, count, follow: args.follow ? signal : undefined }))
      await (flags.isJson ? output.json(pickFields(record, flags.jsonFields)) : output.line(describe(record)));
    signal.throwIfAborted();
    return 0;
  },
});

function describe(record: AuditRecord): string {
  if (record.kind === "gap") return describeGap(record);
  const { timestamp, decision, session_name: session, method, scheme = "https", service, port, path } = record;
  const isUsual = port === (scheme === "http" ? 80 : 443);
  const host = service.includes(":") ? `[${service}]` : service;
  const place = `${host}${isUsual ? "" : `:${port}`}${record.kind === "connect" ? "" : path}`;
  const details = [record.response_code, record.reason ?? record.rule].filter(
    (each) => each !== null && each !== undefined,
  );
  return printable([timestamp, decision.padEnd(8), session ?? "-", method, place, ...details].join(" "));
}

function describeGap({ timestamp, decision, duration_ms: durationMs, missing = 0, reason }: AuditRecord): string {
  const refused = `${counted(missing, "request")} refused without a line of ${missing === 1 ? "its" : "their"} own`;
  const seconds = Math.ceil((durationMs ?? 0) / 1000);
  const text = `the log could not be written for ${counted(seconds, "second")}: ${refused}`;
  return printable([timestamp, decision.padEnd(8), "-", text, reason ?? ""].join(" ").trimEnd());
}
