import type { CreationProgress } from "@clauderon/core/contract";

import type { GlobalFlags } from "../command/command-context.ts";
import { formatBytes } from "./bytes.ts";
import type { Output } from "./output.ts";
import { printableJson } from "./printable.ts";

/** `tty`: a bar that is redrawn. `plain`: a line at the beginning and one at the end. `json`: a line for each look. All on standard error. */
export type ProgressMode = "tty" | "plain" | "json" | "quiet";

export interface ProgressView {
  show(progress: CreationProgress): void;
  /** With `isDone: false` (it failed, or was given up) nothing is said of what was copied. */
  end(call: { readonly isDone: boolean }): void;
}

const words = {
  clone: { counting: "Asking for the repository", writing: "Fetching the repository", done: "Fetched" },
  history: { counting: "Looking through the history", writing: "Copying the history", done: "Copied" },
} as const;

const BAR = 24;

/** What takes long in a creation, as it goes on. */
export function createProgressView(output: Output, mode: ProgressMode): ProgressView {
  const { stderr } = output;
  const begun = new Map<CreationProgress["task"], number>();
  let last: CreationProgress | undefined;
  let drawn = 0;
  // Blanks, and no escape sequence: it goes to terminals without colours, too.
  const draw = (text: string): void => {
    const line = text.slice(0, Math.max(0, stderr.columns() - 1));
    stderr.stream.write(`\r${line.padEnd(drawn)}${line === "" ? "\r" : ""}`);
    drawn = line.length;
  };
  const sayDone = ({ task, bytes }: CreationProgress): void => {
    const seconds = Math.round((Date.now() - (begun.get(task) ?? Date.now())) / 1000);
    if (bytes > 0) output.say(`${words[task].done} ${formatBytes(bytes)} in ${String(seconds)} s`);
  };
  return {
    show(progress) {
      if (mode === "quiet") return;
      if (mode === "json") return output.tell(printableJson({ schemaVersion: 1, progress }));
      const { task } = progress;
      const before = last?.task === task ? undefined : last;
      last = progress;
      if (mode === "tty" && before !== undefined) draw("");
      if (before !== undefined) sayDone(before);
      if (mode === "plain" && !begun.has(task)) output.say(`${words[task].writing}…`);
      if (!begun.has(task)) begun.set(task, Date.now());
      if (mode === "tty") draw(lineOf(progress));
    },
    end({ isDone }) {
      if (drawn > 0) draw("");
      if (isDone && last !== undefined) sayDone(last);
      last = undefined;
    },
  };
}

/** What is meant here: a bar only for somebody who sees it, and nothing in the way of data that nobody asked for it beside. */
export function progressMode(
  asked: ProgressMode | "auto" | undefined,
  how: {
    readonly isTerminal: boolean;
    readonly flags: Pick<GlobalFlags, "isQuiet" | "isJson">;
    readonly environment: Readonly<Record<string, string>>;
  },
): ProgressMode {
  if (how.flags.isQuiet) return "quiet";
  if (asked !== undefined && asked !== "auto") return asked;
  if (how.flags.isJson) return "quiet";
  return how.isTerminal && how.environment["TERM"] !== "dumb" ? "tty" : "plain";
}

function lineOf({ task, phase, bytes, totalBytes }: CreationProgress): string {
  const what = words[task][phase];
  if (bytes === 0) return `${what}…`;
  if (totalBytes === undefined) return `${what}  ${formatBytes(bytes)}`;
  const filled = Math.min(BAR, Math.floor((bytes / totalBytes) * BAR));
  const bar = `[${"=".repeat(filled)}${" ".repeat(BAR - filled)}]`;
  return `${what}  ${bar} ${formatBytes(bytes)} of about ${formatBytes(totalBytes)}`;
}
