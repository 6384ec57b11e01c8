import { UsageError } from "@clauderon/core/contract";

import { defineCommand, type Command } from "../command/command.ts";
import { bashScript } from "../completion/bash-script.ts";
import { completions } from "../completion/completions.ts";

const NO_FILES = 4;
const SHELLS = ["bash", "zsh", "fish", "powershell"];

export const completeCommand: Command = defineCommand({
  meta: { name: "complete", description: "Print the completion script of a shell." },
  args: { shell: { type: "positional", description: SHELLS.join(", "), completes: SHELLS } },
  tail: "WORDS…",
  examples: ["complete bash", "complete zsh", 'complete -- attach ""'],
  notes: [
    "bash: add  source <(clauderon complete bash)  to ~/.bashrc\nzsh:  add  source <(clauderon complete zsh)  to ~/.zshrc\nfish: clauderon complete fish > ~/.config/fish/completions/clauderon.fish",
    "With words behind --: prints what can stand for the last one. The daemon is asked for names, never started.",
  ],
  async run({ args, tail, context }) {
    if (args.shell === undefined) {
      const found = await completions(tail, context);
      const lines = found.map(({ value, description }) => (description === "" ? value : `${value}\t${description}`));
      await context.output.write(`${[...lines, `:${NO_FILES}`].join("\n")}\n`);
      return 0;
    }
    if (!SHELLS.includes(args.shell) || tail.length > 0) {
      throw new UsageError({
        message: tail.length > 0 ? "a shell and words exclude each other" : `There is no completion for ${args.shell}`,
        fix: [`choose one of: ${SHELLS.join(", ")}`],
      });
    }
    if (args.shell === "bash") await context.output.write(bashScript);
    else (await import("@bomb.sh/tab")).script(args.shell, "clauderon", "clauderon");
    return 0;
  },
});
