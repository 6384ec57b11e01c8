import type { SetupScript } from "@clauderon/core/host";

import type { CommandContext } from "../command/command-context.ts";
import { printable } from "../output/printable.ts";

const SHOWN_LINES = 200;

/** Shows a script on standard error, with nothing in it that a terminal would obey. */
export function showSetupScript({ path, content, hash }: SetupScript, { output }: CommandContext): void {
  const lines = Buffer.from(content).toString("utf8").trimEnd().split("\n");
  output.tell(`${path} (sha256 ${hash.slice(0, 12)}…):`);
  for (const line of lines.slice(0, SHOWN_LINES)) output.tell(`  ${printable(line)}`);
  if (lines.length > SHOWN_LINES)
    output.tell(`  … and ${lines.length - SHOWN_LINES} more lines: read them in the file`);
}

/** Where somebody can answer, asks about a repository's setup that nobody has trusted yet, before its session is made. */
export async function offerSetupTrust(repository: string, context: CommandContext): Promise<void> {
  if (!context.canPrompt || context.flags.isYes || !repository.startsWith("/")) return;
  const script = await context.access.setupScript(repository);
  if (script === undefined) return;
  const trust = await context.access.setupTrust();
  if (await trust.has(script.hash)) return;
  showSetupScript(script, context);
  context.output.tell(
    "The repository wants this run in each new session. Where nothing isolates the session it runs as you.",
  );
  if (!(await context.prompts.confirm("Trust it, and run it now and later as long as it stays the same?"))) return;
  await trust.add({ hash: script.hash, repository: script.repository, at: new Date().toISOString() });
}
