import type { CreateSessionRequest, Session } from "@clauderon/core/contract";

import { attachSession } from "../attach/attach-session.ts";
import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { createArguments } from "../session/create-arguments.ts";
import { createRequest, type CreateValues } from "../session/create-request.ts";
import { streamAgent } from "../session/stream-agent.ts";
import { detailFields } from "../session/summary-fields.ts";

export const createCommand: Command = defineCommand({
  meta: {
    name: "create",
    description: "Create a session: a worktree and branch of its own, and an agent at work in it.",
  },
  args: createArguments,
  jsonFields: detailFields,
  examples: [
    'create fix-login --prompt "Fix the login test"',
    "create --repo ~/project --agent codex --prompt-file task.md",
    'create --print --ephemeral -p "Which tests are slow?"',
    "create review --base origin/main --permission-mode ask --attach",
  ],
  notes: [
    "The name, and nothing else, is printed on standard output (with --print: what the agent answers).",
    "On backends of this machine the agent gets your environment and runs as you; --env adds to it.",
    "Ctrl-C while it is being created takes everything back.",
  ],
  async run({ args, context }) {
    const request = await createRequest(args, context);
    const { output } = context;
    const place = request.backend === undefined ? "" : ` (${request.backend})`;
    output.say(`Creating ${request.name ?? "a session"}${place}…`);
    const client = await context.client();
    const session = await client.sessions.create(request, { signal: context.signal, wait: args.wait });
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
    const { kept } = await session.delete({ discard: true });
    for (const sentence of kept) how.context.output.note(sentence);
  } else {
    how.context.output.hint(`Next: clauderon diff ${session.name}`);
  }
  return how.code;
}
