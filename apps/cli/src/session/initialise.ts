import { UsageError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

export interface InitialAnswers {
  readonly backend: string | undefined;
  readonly isTrusted: boolean | undefined;
}

/**
 * Asks what is not answered yet and writes it. What the configuration says already is left alone, so that it can be run again.
 */
export async function initialise(answers: InitialAnswers, context: CommandContext): Promise<readonly string[]> {
  const { access, prompts, flags } = context;
  if (!flags.isYes && !context.canPrompt && answers.backend === undefined && answers.isTrusted === undefined) {
    throw new UsageError({
      code: "usage.needs-input",
      message: "init asks a few questions",
      why: "this is not a terminal, or --no-input forbids it",
      fix: ["take the defaults: clauderon init --yes", "or answer: clauderon init --backend local --trust-worktrees"],
    });
  }
  const { values } = await access.settings();
  const isWritten = (key: string): boolean => values.some((each) => each.key === key && each.origin.kind === "file");
  const written: string[] = [];
  const write = async (key: string, value: string): Promise<void> => {
    await access.setSetting(key, value);
    written.push(`${key} = ${value}`);
  };
  if (answers.backend !== undefined || !isWritten("general.default_backend")) {
    const backend = answers.backend ?? (context.canPrompt && !flags.isYes ? await askBackend(context) : undefined);
    if (backend !== undefined && backend !== "") await write("general.default_backend", backend);
  }
  if (answers.isTrusted !== undefined || !isWritten("agents.claude.trust_worktrees")) {
    const isTrusted =
      answers.isTrusted ??
      (context.canPrompt && !flags.isYes
        ? await prompts.confirm(
            "Claude Code asks once per folder whether you trust it. May clauderon answer yes for the worktrees it makes?",
          )
        : false);
    await write("agents.claude.trust_worktrees", String(isTrusted));
  }
  if ((await access.settings()).agents["claude"]?.trustWorktrees === true) {
    const { path, isChanged } = await access.trustClaudeWorktrees();
    if (isChanged) written.push(`trust for the worktrees of clauderon in ${path}`);
  }
  return written;
}

async function askBackend(context: CommandContext): Promise<string> {
  const client = await context.client();
  const { backends, default: chosen } = await client.backends({ signal: context.signal });
  const choice = await context.prompts.select("Which backend do new sessions get?", [
    { value: "automatic", hint: `now ${chosen.backendId ?? "none"}: ${chosen.reason}` },
    ...backends
      .filter(({ report }) => report.isUsable)
      .map(({ backendId, capabilities }) => ({ value: backendId, hint: `isolation: ${capabilities.isolation}` })),
  ]);
  return choice === "automatic" ? "" : choice;
}
