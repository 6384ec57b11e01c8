import { defineCommand, type Command } from "../command/command.ts";
import { counted } from "../output/count.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const detachCommand: Command = defineCommand({
  meta: { name: "detach", description: "Disconnect all viewers of a session; the agent goes on." },
  args: { name: { type: "positional", description: "session", completes: "sessions" } },
  examples: ["detach fix-login"],
  async run({ args, context }) {
    const session = await resolveSession(args.name, context);
    const client = await context.client();
    const viewers = await client.dismissViewers(session.id, { signal: context.signal });
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, name: session.name, viewers });
    else context.output.say(`Disconnected ${counted(viewers, "viewer")} of ${session.name}`);
    return 0;
  },
});
