import { UsageError } from "@clauderon/core/contract";
import type { ServedProxy } from "@clauderon/proxy";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { runInherited } from "../session/run-inherited.ts";
import { parseCount } from "../values/number.ts";

const LARGEST_PORT = 65_535;

export const proxyRunCommand: Command = defineCommand({
  meta: {
    name: "run",
    description:
      "Run a credential proxy alone, without daemon and sessions: for a command behind --, else until Ctrl-C. Clients get placeholders, the hosts of the rules your credentials.",
  },
  args: {
    port: { type: "string", valueHint: "N", description: "on 127.0.0.1; default: any free" },
    name: { type: "string", valueHint: "NAME", description: "name in the log; default run" },
    "access-mode": { type: "enum", options: ["read-write", "read-only"], description: "default read-write" },
    network: { type: "enum", options: ["open", "listed", "none"], description: "default open: every public host" },
    allow: { type: "string", valueHint: "HOST[:PORT]", repeatable: true, description: "beside the hosts of rules" },
    deny: {
      type: "string",
      valueHint: "HOST[:PORT]",
      repeatable: true,
      description: "stronger than rules and --allow",
    },
    budget: { type: "string", valueHint: "5usd|200ktokens", description: "what its models may cost; default no limit" },
  },
  tail: "COMMAND…",
  examples: [
    "proxy run -- claude",
    "proxy run --access-mode read-only --network listed -- codex",
    "proxy run --port 8899",
    "proxy run --json",
  ],
  notes: [
    "Without a command: prints the variables that clients need as lines for a shell (with --json as an object). They hold a token for this proxy, and no credential.",
    "A command gets them in its environment, without the variables that hold your credentials. It can still read your files: the proxy saves set-up and gives a record, it does not withhold.",
    "Exits with the command's code; 126 it cannot be run, 127 it is not found.",
  ],
  exitCodes: (code) => (code === "command.not-found" ? 127 : code === "command.failed" ? 126 : undefined),
  async run({ args, tail, context }) {
    const [program, ...rest] = tail;
    const port = args.port === undefined ? undefined : parsePort(args.port);
    const home = await context.access.proxyHome();
    await using served = await home.serve({
      name: args.name ?? "run",
      program,
      port,
      budget: args.budget,
      policy: {
        accessMode: args["access-mode"] ?? "read-write",
        network: args.network ?? "open",
        allow: args.allow,
        deny: args.deny,
        isIsolated: false,
      },
    });
    for (const note of home.settings.notes) context.output.note(note);
    context.output.say(`The proxy listens on 127.0.0.1:${served.port}`);
    // Awaited here: the proxy lives until this function has its result.
    if (program === undefined) return await serveUntilSignal(served, context);
    const hidden = new Set(served.withheld);
    const own = Object.entries(context.environment).filter(([name]) => !hidden.has(name));
    const environment = { ...Object.fromEntries(own), ...served.environment };
    return await runInherited([program, ...served.programArguments, ...rest], environment, context);
  },
});

async function serveUntilSignal(served: ServedProxy, context: CommandContext): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // It ends in order; a signal must not end the process first.
  using _signals = context.handleSignals(() => resolve());
  if (context.flags.isJson) {
    await context.output.json({ schemaVersion: 1, port: served.port, environment: served.environment });
  } else {
    const lines = Object.entries(served.environment).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    await context.output.write(lines.join(""));
  }
  await promise;
  context.output.say("The proxy has ended");
  return 0;
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function parsePort(text: string): number {
  const port = parseCount("--port", text);
  if (port <= LARGEST_PORT) return port;
  throw new UsageError({ message: `--port cannot be "${text}"`, fix: ["write a port: --port 8899"] });
}
