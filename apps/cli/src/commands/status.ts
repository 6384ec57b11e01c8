import type { SessionDetail } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { formatAge } from "../output/age.ts";
import { counted } from "../output/count.ts";
import { pickFields } from "../output/json.ts";
import { printable } from "../output/printable.ts";
import { currentSession, resolveSession } from "../session/resolve-session.ts";
import { detailFields } from "../session/summary-fields.ts";

export const statusCommand: Command = defineCommand({
  meta: {
    name: "status",
    description: "Show one session; without a name (and outside of one): how many are in which state.",
  },
  args: { name: { type: "positional", description: "session", completes: "sessions" } },
  jsonFields: [...detailFields, "total", "states"],
  examples: ["status", "status fix-login", "status fix-login --json=state,exitCode,error"],
  async run({ args, context }) {
    const { output, flags } = context;
    if ((args.name ?? (await currentSession(context))) === undefined) {
      const client = await context.client();
      const states: Record<string, number> = {};
      const sessions = await client.sessions.list({ signal: context.signal });
      for (const { state } of sessions) states[state] = (states[state] ?? 0) + 1;
      if (flags.isJson) {
        await output.json(pickFields({ schemaVersion: 1, total: sessions.length, states }, flags.jsonFields));
        return 0;
      }
      const parts = Object.entries(states).map(([state, count]) => `${count} ${state}`);
      await output.line(
        sessions.length === 0 ? "no sessions" : `${counted(sessions.length, "session")}: ${parts.join(", ")}`,
      );
      return 0;
    }
    const session = await resolveSession(args.name, context);
    const detail = await session.detail({ withWorkspace: true, signal: context.signal });
    if (flags.isJson) await output.json(pickFields(detail, flags.jsonFields));
    else if (flags.isQuiet) await output.line(detail.state);
    else await output.write(formatDetail(detail));
    return 0;
  },
});

function formatDetail(detail: SessionDetail): string {
  const work = detail.workspaceStatus;
  const changes =
    work === undefined
      ? undefined
      : work.exists
        ? `${work.staged} staged, ${work.unstaged} unstaged, ${work.untracked} untracked, ${counted(work.unreachedCommits, "commit")} only here${work.stashes === undefined ? "" : `, ${counted(work.stashes, "stash", "stashes")}`}${work.isBehind === true || (work.unsynced !== undefined && detail.lifecycle !== "running") ? "; what was done in its sandbox since is not counted" : ""}`
        : "the worktree is gone";
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["name", detail.name],
    ["state", detail.state],
    ["backend", `${detail.backend} (isolation: ${detail.isolation})`],
    ["agent", [detail.agent, detail.model].filter((part) => part !== undefined).join(" ")],
    ["permissions", `${detail.permissionMode}${detail.isPlanMode ? ", plan mode" : ""}`],
    ["access", `${detail.accessMode}, network ${detail.network}${detail.isAdvisory ? " (advisory)" : ""}`],
    ["allowed", detail.allow.length === 0 ? undefined : detail.allow.join(", ")],
    ["denied", detail.deny.length === 0 ? undefined : detail.deny.join(", ")],
    ["budget", detail.budget],
    ["repository", detail.repository],
    ["branch", detail.branch],
    ["base", detail.base],
    ["workspace", detail.workspace],
    ["changes", changes],
    ["prompt", detail.prompt],
    ["conversation", detail.conversationId],
    ["exit code", detail.exitCode?.toString()],
    ["created", `${detail.createdAt} (${formatAge(detail.createdAt, Date.now())} ago)`],
    ["id", detail.id],
    ["error", detail.error?.message],
    ["why", detail.error?.why],
    ...(detail.error?.fix ?? []).map((fix): readonly [string, string] => ["fix", fix]),
    ...[...detail.notices, ...(detail.syncNotices ?? [])].map((notice): readonly [string, string] => ["note", notice]),
  ];
  return rows
    .flatMap(([label, value]) => (value === undefined ? [] : [`${label.padEnd(14)}${printable(value)}\n`]))
    .join("");
}
