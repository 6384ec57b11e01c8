import { setTimeout as delay } from "node:timers/promises";

import { DaemonError } from "@clauderon/core/contract";
import type { ProxyClient, ProxyProcessStatus } from "@clauderon/proxy/client";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { counted } from "../output/count.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";

const fields = [
  "schemaVersion",
  "processId",
  "port",
  "version",
  "sessions",
  "tunnels",
  "requests",
  "isEndingWhenIdle",
  "settingsProblem",
] as const;

/** How long an idle proxy may take to end, and its successor to answer. */
const patienceMs = 30_000;
const lookMs = 50;

export const proxyStatusCommand: Command = defineCommand({
  meta: {
    name: "status",
    description: "Show the proxy's process: where it listens, what is open through it; exits 5 when it does not run.",
  },
  args: {},
  jsonFields: fields,
  examples: ["proxy status", "proxy status --json=port,requests"],
  notes: ["When a changed proxy.toml cannot be used, the line is shown, and the settings before it go on to hold."],
  async run({ context }) {
    await using client = await context.access.runningProxy();
    if (client === undefined) throw await notRunning(context);
    const status = await client.call("status", {});
    const { processId, port, version, sessions, tunnels, requests, isEndingWhenIdle, settingsProblem } = status;
    if (context.flags.isJson) {
      const shown = { schemaVersion: 1, processId, port, version, sessions, tunnels, requests };
      const record = {
        ...shown,
        isEndingWhenIdle: isEndingWhenIdle === true,
        settingsProblem: settingsProblem ?? null,
      };
      await context.output.json(pickFields(record, context.flags.jsonFields));
      return 0;
    }
    const rows: readonly (readonly [string, string | undefined])[] = [
      ["state", isEndingWhenIdle === true ? "running, ends when nothing is open" : "running"],
      ["pid", String(processId)],
      ["address", `127.0.0.1:${port}`],
      ["version", version],
      ["sessions", String(sessions)],
      ["open", openThrough(status)],
      ["settings", settingsProblem === undefined ? "in force" : "those before the last change are in force"],
      ["problem", settingsProblem?.message],
      ["why", settingsProblem?.why],
      ...(settingsProblem?.fix ?? []).map((fix): readonly [string, string] => ["fix", fix]),
    ];
    const lines = rows.flatMap(([label, value]) =>
      value === undefined ? [] : `${label.padEnd(10)}${printable(value)}\n`,
    );
    await context.output.write(lines.join(""));
    return 0;
  },
});

export const proxyRestartCommand: Command = defineCommand({
  meta: {
    name: "restart",
    description: "Replace the proxy's process when nothing is open through it; sessions keep their tokens.",
  },
  args: {
    now: { type: "boolean", description: "at once: what is open through it breaks off with an error" },
  },
  examples: ["proxy restart", "proxy restart --now"],
  notes: ["It is never needed for a change of proxy.toml or of a secret."],
  async run({ args, context }) {
    await using client = await context.access.runningProxy();
    if (client === undefined) {
      context.output.say("The proxy does not run; the daemon starts it when a session needs it");
      return 0;
    }
    const before = await client.call("status", {});
    await client.call("stop", { whenIdle: !args.now });
    const isOver = await endOf(client, { isSure: args.now, signal: context.signal });
    if (!isOver) {
      context.output.say(`The proxy ends when nothing is open through it (${openThrough(before)})`);
      context.output.note("what is open breaks off with: clauderon proxy restart --now");
      return 0;
    }
    const after = await successor(context, before.processId);
    context.output.say(
      after === undefined
        ? "The proxy has ended; the daemon starts it when a session needs it"
        : `The proxy runs anew (pid ${after.processId}, port ${after.port})`,
    );
    return 0;
  },
});

function openThrough({ tunnels, requests }: ProxyProcessStatus): string {
  return `${counted(tunnels, "tunnel")}, ${counted(requests, "request")}`;
}

async function endOf(
  client: ProxyClient,
  { isSure, signal }: { readonly isSure: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const ended = client.ended.then(() => true);
  // What is asked to end when idle ends within a moment, or when somebody lets go of it.
  const given = delay(isSure ? patienceMs : patienceMs / 5, false, { signal, ref: false });
  return Promise.race([ended, given]);
}

/** The process that a running daemon starts in its place. */
async function successor(context: CommandContext, processId: number): Promise<ProxyProcessStatus | undefined> {
  if ((await context.access.daemonRecord(context.signal)) === undefined) return undefined;
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline;) {
    await using client = await context.access.runningProxy();
    const status = await client?.call("status", {});
    if (status !== undefined && status.processId !== processId) return status;
    await delay(lookMs, undefined, { signal: context.signal });
  }
  return undefined;
}

async function notRunning({ access }: CommandContext): Promise<DaemonError> {
  const failure = await access.failedProxy();
  const [fix, ...others] = failure?.fix ?? [];
  if (failure !== undefined)
    return new DaemonError({
      message: "The proxy did not start",
      why: failure.why,
      fix: [fix ?? "try again: clauderon daemon restart", ...others],
    });
  return new DaemonError({
    message: "The proxy does not run",
    why: `nothing answers for ${await access.homeDirectory()}`,
    fix: ["store a credential: clauderon config credentials set NAME; the daemon then starts the proxy"],
  });
}
