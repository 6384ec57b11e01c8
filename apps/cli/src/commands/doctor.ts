import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { formatTable } from "../output/table.ts";
import { inspectMachine, type MachineReport } from "../session/doctor-report.ts";

export const doctorFields = ["schemaVersion", "isOk", "rows", "backends", "default", "auto"] as const;

export const doctorCommand: Command = defineCommand({
  meta: {
    name: "doctor",
    description:
      "Check this machine: what sessions need, which backend they get and why. Exits 1 when something required is missing.",
  },
  args: {},
  jsonFields: doctorFields,
  examples: ["doctor", "doctor --json"],
  async run({ context }) {
    return reportMachine(context);
  },
});

/** Prints what was found and resolves with the exit code. */
export async function reportMachine(context: CommandContext): Promise<number> {
  const report = await inspectMachine(context);
  if (context.flags.isJson) await context.output.json(pickFields(report, context.flags.jsonFields));
  else await context.output.write(formatReport(report));
  return report.isOk ? 0 : 1;
}

function formatReport(report: MachineReport): string {
  const checks = formatTable(
    ["CHECK", "STATUS", "FOUND"],
    report.rows.flatMap((row) => [
      [row.id, row.status === "failed" && !row.isRequired ? "no" : row.status, row.message],
      ...(row.fix === null ? [] : [["", "fix:", row.fix]]),
    ]),
    undefined,
  );
  const mark = (isChosen: boolean, reason: string): string => `${isChosen ? "yes" : "no"}: ${reason}`;
  const backends = formatTable(
    ["BACKEND", "USABLE", "ISOLATION", "BY DEFAULT", "BY --backend auto"],
    report.backends.map((each) => [
      each.backendId,
      each.isUsable ? "yes" : "no",
      each.isolation,
      mark(each.default.isChosen, each.default.reason),
      mark(each.auto.isChosen, each.auto.reason),
    ]),
    undefined,
  );
  return [
    ...checks,
    "",
    ...backends,
    "",
    `default: ${report.default.backendId ?? "none"} (${report.default.reason})`,
    `auto:    ${report.auto.backendId ?? "none"} (${report.auto.reason})`,
    "",
  ].join("\n");
}
