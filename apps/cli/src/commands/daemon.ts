import { DaemonError } from "@clauderon/core/contract";

import type { DaemonRecord } from "../command/access.ts";
import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";

export const daemonRunCommand: Command = defineCommand({
  meta: {
    name: "run",
    description: "Run the daemon in the foreground until Ctrl-C or SIGTERM; sessions go on without it.",
  },
  args: {},
  examples: ["daemon", "daemon run"],
  async run({ context }) {
    // The daemon ends itself in order; here a signal must not end the process first.
    using _signals = context.handleSignals(() => undefined);
    await context.access.runDaemon({
      // The one who starts it in the background asks for JSON.
      isForeground: !context.flags.isJson,
      onReady: (record) => {
        context.output.say(describe(record));
      },
    });
    return 0;
  },
});

export const daemonStartCommand: Command = defineCommand({
  meta: { name: "start", description: "Start the daemon in the background; nothing when it runs." },
  args: {},
  examples: ["daemon start"],
  async run({ context }) {
    const { record, isNew } = await context.access.startDaemon(context.signal);
    if (context.flags.isJson) await context.output.json(record);
    else context.output.say(isNew ? describe(record) : `The daemon runs already (pid ${record.pid}, ${record.url})`);
    return 0;
  },
});

export const daemonStopCommand: Command = defineCommand({
  meta: { name: "stop", description: "Stop the daemon; sessions and their agents go on." },
  args: {},
  examples: ["daemon stop"],
  async run({ context }) {
    const wasRunning = await context.access.stopDaemon(context.signal);
    context.output.say(wasRunning ? "The daemon has stopped; sessions go on" : "The daemon does not run");
    return 0;
  },
});

export const daemonRestartCommand: Command = defineCommand({
  meta: { name: "restart", description: "Stop and start the daemon; sessions and their agents go on." },
  args: {},
  examples: ["daemon restart"],
  async run({ context }) {
    await context.access.stopDaemon(context.signal);
    const { record } = await context.access.startDaemon(context.signal);
    if (context.flags.isJson) await context.output.json(record);
    else context.output.say(describe(record));
    return 0;
  },
});

export const daemonStatusCommand: Command = defineCommand({
  meta: { name: "status", description: "Show whether the daemon runs, and where; exits 5 when it does not." },
  args: {},
  jsonFields: ["pid", "url", "version", "home", "sessions"],
  examples: ["daemon status", "daemon status --json"],
  async run({ context }) {
    const client = await context.access.connectRunning(context.signal);
    if (client === undefined) throw notRunning(await context.access.homeDirectory());
    await using opened = client;
    const { pid, url, version, home, sessions } = await opened.daemon({ signal: context.signal });
    if (context.flags.isJson) {
      await context.output.json(pickFields({ pid, url, version, home, sessions }, context.flags.jsonFields));
      return 0;
    }
    const rows = Object.entries({ state: "running", pid, url, version, home, sessions, ...(await proxyRow(context)) });
    await context.output.write(rows.map(([label, value]) => `${label.padEnd(10)}${value}\n`).join(""));
    return 0;
  },
});

export const daemonCrashPointsCommand: Command = defineCommand({
  meta: {
    name: "crash-points",
    description: "List the names that CLAUDERON_CRASH_AT takes: there the daemon kills itself, for tests of recovery.",
  },
  args: {},
  examples: ["daemon crash-points --json"],
  async run({ context }) {
    const client = await context.client();
    const names = await client.crashPointNames({ signal: context.signal });
    await (context.flags.isJson
      ? context.output.json(names)
      : context.output.write(names.map((name) => `${name}\n`).join("")));
    return 0;
  },
});

/** The proxy outlives the daemon and is asked itself. */
async function proxyRow(context: CommandContext): Promise<{ readonly proxy?: string }> {
  try {
    return await runningProxyRow(context);
  } catch (error) {
    // Of a proxy that is held up the daemon's own state is told all the same.
    if (!DaemonError.isInstance(error)) throw error;
    return { proxy: [error.message, error.why ?? []].flat().join(": ") };
  }
}

async function runningProxyRow(context: CommandContext): Promise<{ readonly proxy?: string }> {
  await using client = await context.access.runningProxy();
  if (client === undefined) return {};
  const { processId, port, settingsProblem } = await client.call("status", {});
  if (settingsProblem !== undefined) context.output.note(`${settingsProblem.message}: the settings before hold`);
  return { proxy: `pid ${processId}, port ${port}` };
}

function describe(record: DaemonRecord): string {
  return `The daemon runs (pid ${record.pid}, ${record.url})`;
}

export function notRunning(home: string): DaemonError {
  return new DaemonError({
    message: "The daemon does not run",
    why: `nothing answers for ${home}`,
    fix: ["clauderon daemon start"],
  });
}
