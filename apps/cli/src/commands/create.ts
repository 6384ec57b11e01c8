import type { Client } from "@clauderon/core/client";
import type { CreateSessionRequest, Session } from "@clauderon/core/contract";

import { attachSession } from "../attach/attach-session.ts";
import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { createProgressView, progressMode } from "../output/progress-view.ts";
import { createRequest, type CreateValues } from "../session/create-request.ts";
import { offerSetupTrust } from "../session/setup-script.ts";
import { streamAgent } from "../session/stream-agent.ts";
import { detailFields } from "../session/summary-fields.ts";

export const createCommand: Command = defineCommand({
  meta: {
    name: "create",
    description: "Create a session: a worktree and branch of its own, and an agent at work in it.",
  },
  args: {
    name: { type: "positional", description: "name of the session; default: made from the prompt" },
    repo: { type: "string", alias: "r", valueHint: "PATH|URL", description: "repository; default: this directory" },
    prompt: { type: "string", alias: "p", valueHint: "TEXT", description: "what the agent is to do" },
    "prompt-file": {
      type: "string",
      valueHint: "FILE|-",
      description: "read the prompt from a file; - = standard input",
    },
    agent: {
      type: "string",
      alias: "a",
      valueHint: "NAME",
      description: "claude, codex, gemini or one of the configuration",
    },
    model: { type: "string", alias: "m", valueHint: "ID", description: "model of the agent" },
    "plan-mode": { type: "boolean", description: "the agent plans and asks before it changes anything" },
    "permission-mode": {
      type: "enum",
      options: ["ask", "edits", "auto", "bypass"],
      description: "how freely the agent may act",
    },
    print: {
      type: "boolean",
      description: "run the prompt without a terminal, stream the answer, exit with the agent's status",
    },
    backend: {
      type: "string",
      alias: "b",
      valueHint: "NAME|auto",
      description: "where it runs; default: see clauderon doctor",
    },
    branch: { type: "string", valueHint: "NAME", description: "work on this existing branch" },
    base: { type: "string", valueHint: "REF", description: "start from this commit; default: HEAD" },
    from: {
      type: "string",
      valueHint: "CHECKPOINT",
      description: "start with the commit and the files of a checkpoint",
    },
    "with-changes": { type: "boolean", description: "copy your uncommitted changes into the session" },
    "trust-setup": { type: "boolean", description: "run the repository's .clauderon/setup, and trust what it holds" },
    env: {
      type: "string",
      alias: "e",
      valueHint: "K=V",
      repeatable: true,
      description: "add to the agent's environment",
    },
    "env-file": { type: "string", valueHint: "FILE", description: "add the variables of a file" },
    attach: { type: "boolean", description: "attach when it runs; default on a terminal without a prompt" },
    detach: { type: "boolean", description: "do not attach" },
    ephemeral: {
      type: "boolean",
      description: "with --print or --attach: delete the session when the agent has ended",
    },
    wait: { type: "boolean", default: true, description: "return before the agent runs" },
    image: { type: "string", alias: "i", valueHint: "REF", description: "image, on backends that have images" },
    "pull-policy": {
      type: "enum",
      options: ["always", "if-not-present", "missing", "never"],
      description: "when the image is fetched",
    },
    progress: {
      type: "enum",
      options: ["auto", "tty", "plain", "json", "quiet"],
      description: "how what takes long is shown; auto: a bar on a terminal, else a few lines",
    },
    "cpu-limit": { type: "string", valueHint: "N", description: "processors, on backends that can limit them" },
    "access-mode": {
      type: "enum",
      options: ["read-write", "read-only"],
      description: "read-only: models and fetches work, writes are refused",
    },
    network: {
      type: "enum",
      options: ["open", "listed", "none"],
      description: "default: listed where the backend isolates, else open",
    },
    allow: {
      type: "string",
      valueHint: "HOST[:PORT]",
      repeatable: true,
      description: "reach it beside the hosts of rules",
    },
    deny: {
      type: "string",
      valueHint: "HOST[:PORT]",
      repeatable: true,
      description: "never reach it; stronger than rules and --allow",
    },
    advisory: { type: "boolean", description: "take restrictions that the backend cannot enforce" },
    budget: { type: "string", valueHint: "5usd|200ktokens", description: "what its models may cost; none = no limit" },
    "memory-limit": { type: "string", valueHint: "SIZE", description: "memory, on backends that can limit it" },
    "pids-limit": {
      type: "string",
      valueHint: "N",
      description: "processes and threads, on backends that can limit them",
    },
  },
  jsonFields: detailFields,
  examples: [
    'create fix-login --prompt "Fix the login test"',
    "create --repo ~/project --agent codex --prompt-file task.md",
    'create --print --ephemeral -p "Which tests are slow?"',
    "create review --base origin/main --permission-mode ask --attach",
    "create second-try --from 3f2a9c1d04be",
    "create audit --access-mode read-only --network listed --advisory --budget 5usd",
  ],
  notes: [
    "The name, and nothing else, is printed on standard output (with --print: what the agent answers).",
    "On backends of this machine the agent gets your environment and runs as you; --env adds to it.",
    "Untracked files named in .worktreeinclude or workspace.include (.env and the like) are copied from your checkout into the session.",
    "Before the agent starts, workspace.setup and a trusted .clauderon/setup run: clauderon trust --help.",
    "With --from the new session is a fork: the checkpoint's commit on a branch of its own, its files and its index. The agent is the same unless --agent names another; Claude Code goes on with a copy of the conversation, others begin a new one.",
    "Ctrl-C while it is being created takes everything back; the next try begins anew and finds nothing half made.",
    "A large repository's history is copied once for isolated sessions, and added to later: --progress says how that is shown, on standard error.",
    "Access, network and budget are changed while it runs: clauderon access, clauderon budget. Defaults: session.* in the configuration.",
  ],
  async run({ args, context }) {
    const request = await createRequest(args, context);
    await context.access.checkCreateRequest(request);
    if (!args["trust-setup"] && args.from === undefined) await offerSetupTrust(request.repository, context);
    const { output } = context;
    const place = request.backend === undefined ? "" : ` (${request.backend})`;
    output.say(`Creating ${request.name ?? "a session"}${place}…`);
    const client = await context.client();
    const session = await createShown(client, request, { args, context });
    const detail = await session.detail({ signal: context.signal });
    for (const notice of detail.notices) output.note(notice);
    if (args.print) return finish(session, args, { context, code: await streamAgent(session, context) });
    if (shouldAttach(args, request, context)) {
      const end = await attachSession(session, context, { isReadOnly: false, takesControl: true });
      return end.kind === "exited" ? finish(session, args, { context, code: 0 }) : 0;
    }
    await (context.flags.isJson
      ? output.json(pickFields(detail, context.flags.jsonFields))
      : output.line(session.name));
    output.hint(`Next: clauderon attach ${session.name}`);
    return 0;
  },
});

/** With what takes long shown as it goes on. */
async function createShown(
  client: Client,
  request: CreateSessionRequest,
  { args, context }: { readonly args: CreateValues; readonly context: CommandContext },
): Promise<Session> {
  const { flags, output, environment, signal } = context;
  const { isTerminal } = output.stderr;
  const view = createProgressView(output, progressMode(args.progress, { isTerminal, flags, environment }));
  let isDone = false;
  try {
    const onProgress = view.show.bind(view);
    const session = await client.sessions.create(request, { signal, wait: args.wait, onProgress });
    isDone = true;
    return session;
  } finally {
    view.end({ isDone });
  }
}

function shouldAttach(args: CreateValues, request: CreateSessionRequest, context: CommandContext): boolean {
  if (args.attach) return true;
  const isInteractive = context.keyboard.isTerminal && context.output.stdout.isTerminal;
  return isInteractive && request.prompt === undefined && !args.detach && args.wait && !context.flags.isJson;
}

async function finish(
  session: Session,
  args: CreateValues,
  how: { readonly context: CommandContext; readonly code: number },
): Promise<number> {
  if (args.ephemeral) {
    const { kept } = await session.delete({ discard: true, ignored: "drop" });
    for (const sentence of kept) how.context.output.note(sentence);
  } else {
    how.context.output.hint(`Next: clauderon diff ${session.name}`);
  }
  return how.code;
}
