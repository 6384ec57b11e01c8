import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

// A deterministic stand-in for an agent; see `fakeAgentPath`.

const { values, positionals } = parseArgs({
  options: {
    "session-id": { type: "string" },
    resume: { type: "string" },
    model: { type: "string" },
    "permission-mode": { type: "string" },
    print: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const conversationId = values.resume ?? values["session-id"] ?? randomUUID();
const isResume = values.resume !== undefined;
const log = process.env["FAKE_AGENT_LOG"];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function record(entry: Readonly<Record<string, unknown>>): void {
  if (log !== undefined) appendFileSync(log, `${JSON.stringify({ conversationId, pid: process.pid, ...entry })}\n`);
}

/** One directive a line; a line that is none is answered. */
function follow(line: string): void {
  const [directive = "", first = "", ...rest] = line.split(" ");
  switch (directive) {
    case "write":
      mkdirSync(dirname(first), { recursive: true });
      writeFileSync(first, `${rest.join(" ")}\n`);
      say(`wrote ${first}`);
      break;
    case "say":
      say([first, ...rest].join(" "));
      break;
    case "exit":
      process.exit(Number(first));
      break;
    case "ignore-sigterm":
      process.on("SIGTERM", () => say("SIGTERM ignored"));
      say("ignoring SIGTERM");
      break;
    case "flood":
      process.stdout.write("x".repeat(Number(first)));
      say("");
      break;
    case "environment":
      say(`${first}=${process.env[first] ?? ""}`);
      break;
    case "run": {
      const { status, stdout, stderr } = spawnSync(first, rest, { encoding: "utf8" });
      say(`${stdout ?? ""}${stderr ?? ""}ran ${first}: ${status ?? "not started"}`);
      break;
    }
    default:
      say(`heard: ${line}`);
  }
}

function prompt(text: string): void {
  record({ event: "prompt", prompt: text });
  for (const line of text.split("\n")) follow(line);
}

record({ event: "start", isResume, argv: process.argv.slice(2) });
say(`fake agent ${isResume ? "resumes" : "starts"} ${conversationId}`);
say(`argv ${JSON.stringify(process.argv.slice(2))}`);
say(`session ${process.env["CLAUDERON_SESSION"] ?? "none"}`);
const first = positionals.at(-1);
if (first !== undefined) prompt(first);
if (values.print) process.exit(0);
say("ready");
const lines = createInterface({ input: process.stdin, terminal: false });
lines.on("line", (line) => {
  if (line !== "") prompt(line);
});
lines.on("close", () => process.exit(0));
