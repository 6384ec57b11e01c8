import { defineCommand, type Command } from "../command/command.ts";
import { initArguments } from "../session/init-arguments.ts";
import { initialise } from "../session/initialise.ts";
import { doctorFields, reportMachine } from "./doctor.ts";

export const setupCommand: Command = defineCommand({
  meta: { name: "setup", description: "Write the first configuration (as init) and check this machine (as doctor)." },
  args: { ...initArguments, check: { type: "boolean", description: "only check: the same as clauderon doctor" } },
  jsonFields: doctorFields,
  examples: ["setup", "setup --check", "setup --check --json"],
  async run({ args, context }) {
    if (!args.check) {
      const written = await initialise(
        { backend: args.backend, isTrusted: args["trust-worktrees"] ? true : undefined },
        context,
      );
      for (const line of written) context.output.say(`Wrote ${line}`);
    }
    return reportMachine(context);
  },
});
