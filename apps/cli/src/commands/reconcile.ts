import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";

export const reconcileCommand: Command = defineCommand({
  meta: {
    name: "reconcile",
    description: "Compare what is recorded with what exists, and mend it. The daemon does so by itself every minute.",
  },
  args: { "dry-run": { type: "boolean", description: "only say what would be done" } },
  jsonFields: ["schemaVersion", "isDryRun", "findings", "durationMs"],
  examples: ["reconcile", "reconcile --dry-run --json"],
  async run({ args, context }) {
    const { output, flags } = context;
    const client = await context.client();
    const report = await client.reconcile({ isDryRun: args["dry-run"], signal: context.signal });
    if (flags.isJson) {
      await output.json(pickFields({ schemaVersion: 1, ...report }, flags.jsonFields));
      return 0;
    }
    if (report.findings.length === 0) {
      output.say("Everything is as recorded");
      return 0;
    }
    const lines = formatTable(
      ["KIND", "WHAT", "NAME", "BACKEND", "FOUND", report.isDryRun ? "WOULD DO" : "DONE"],
      report.findings.map((each) => [
        each.kind,
        each.subject,
        each.name,
        each.backend ?? "-",
        each.message,
        each.action,
      ]),
      undefined,
    );
    await output.write(`${lines.join("\n")}\n`);
    return 0;
  },
});
