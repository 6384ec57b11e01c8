import { printable } from "./printable.ts";

const GAP = "  ";
const MIN_COLUMN = 8;

/** Columns separated by spaces: whole when piped, shortened to `width` on a terminal. The last column is not padded. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): readonly string[] {
  const cells = [header, ...rows].map((row) => row.map((cell) => printable(cell)));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  if (width !== undefined) shrink(widths, width);
  return cells.map((row) =>
    row
      .map((cell, column) =>
        fit(cell, widths[column] ?? 0).padEnd(column === row.length - 1 ? 0 : (widths[column] ?? 0)),
      )
      .join(GAP)
      .trimEnd(),
  );
}

/** Takes from the widest columns first until the line fits, never below a readable rest. */
function shrink(widths: number[], width: number): void {
  const total = (): number => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    const size = widths[widest] ?? 0;
    if (size <= MIN_COLUMN) return;
    widths[widest] = Math.max(MIN_COLUMN, size - Math.max(1, Math.min(size - MIN_COLUMN, total() - width)));
  }
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
