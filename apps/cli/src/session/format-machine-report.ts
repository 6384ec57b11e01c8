import { printable } from "../output/printable.ts";
import { formatTable } from "../output/table.ts";
import { besideLabel } from "../output/wrap.ts";
import type { DoctorRow, MachineReport } from "./doctor-report.ts";

/** What was found, within the width where single words allow it. */
export function formatMachineReport(report: MachineReport, width: number): string {
  const choice = ({ backendId, reason }: MachineReport["default"]): string => `${backendId ?? "none"} (${reason})`;
  return [
    ...formatChecks(report.rows, width),
    "",
    ...formatBackends(report, width),
    "",
    ...besideLabel("default: ", choice(report.default), width),
    ...besideLabel("auto:    ", choice(report.auto), width),
    "",
  ].join("\n");
}

function formatChecks(rows: readonly DoctorRow[], width: number): readonly string[] {
  const cells = [
    { id: "CHECK", status: "STATUS", text: "FOUND", width },
    ...rows.flatMap((row) => {
      const status = row.status === "failed" && !row.isRequired ? "no" : row.status;
      const found = { id: printable(row.id), status, text: row.message, width };
      // Commands are copied: a line feed within would end them.
      const fix = { id: "", status: "fix:", text: row.fix ?? "", width: Number.POSITIVE_INFINITY };
      return row.fix === null ? [found] : [found, fix];
    }),
  ];
  const widest = Math.max(...cells.map(({ id }) => id.length));
  return cells.flatMap((cell) =>
    besideLabel(`${cell.id.padEnd(widest)}  ${cell.status.padEnd("warning".length)}  `, cell.text, cell.width),
  );
}

/** The table says which, the lines below it why. */
function formatBackends({ backends }: MachineReport, width: number): readonly string[] {
  const word = (is: boolean): string => (is ? "yes" : "no");
  const table = formatTable(
    ["BACKEND", "USABLE", "ISOLATION", "BY DEFAULT", "BY --backend auto"],
    backends.map((each) => [
      each.backendId,
      word(each.isUsable),
      each.isolation,
      word(each.default.isChosen),
      word(each.auto.isChosen),
    ]),
    undefined,
  );
  const widest = Math.max(0, ...backends.map(({ backendId }) => printable(backendId).length));
  const reasons = backends.flatMap((each) => [
    ...besideLabel(`${printable(each.backendId).padEnd(widest)}  by default: `, each.default.reason, width),
    ...besideLabel(`${" ".repeat(widest)}  by auto:    `, each.auto.reason, width),
  ]);
  return [...table, "", ...reasons];
}
