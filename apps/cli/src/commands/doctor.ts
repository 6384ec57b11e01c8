import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { inspectMachine } from "../session/doctor-report.ts";
import { formatMachineReport } from "../session/format-machine-report.ts";

/** Of a reader that is no terminal. */
const PLAIN_WIDTH = 80;

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
  const { output, flags } = context;
  const report = await inspectMachine(context);
  const width = output.stdout.isTerminal ? output.stdout.columns() : PLAIN_WIDTH;
  if (flags.isJson) await output.json(pickFields(report, flags.jsonFields));
  else await output.write(formatMachineReport(report, width));
  return report.isOk ? 0 : 1;
}
