import { attachSession, checkAttach } from "../attach/attach-session.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const attachCommand: Command = defineCommand({
  meta: { name: "attach", description: "Connect this terminal to a session's agent." },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    "read-only": { type: "boolean", description: "only look; what is typed is not passed on" },
    "take-control": {
      type: "boolean",
      description: "let this terminal decide the size and type, though another one does",
    },
    "detach-keys": {
      type: "string",
      valueHint: "KEYS",
      description: "instead of attach.detach_keys of the configuration",
    },
  },
  examples: ["attach fix-login", "attach fix-login --read-only", "attach fix-login --detach-keys ctrl-p,ctrl-q"],
  notes: ["Ctrl-\\ detaches; every other key, Ctrl-C too, goes to the agent."],
  async run({ args, context }) {
    const choices = {
      isReadOnly: args["read-only"],
      takesControl: args["take-control"],
      detachKeys: args["detach-keys"],
    };
    checkAttach(args.name, choices, context);
    const session = await resolveSession(args.name, context);
    const end = await attachSession(session, context, choices);
    return end.kind === "signal" ? end.exitCode : 0;
  },
});
