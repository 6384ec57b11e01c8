import type { CommandOptions, CommandResult } from "../../contract/command-runner.ts";
import type { ClauderonErrorJson } from "../../contract/errors/clauderon-error.ts";

/** What the helper is asked; `id` names the command in all that follows. */
export type HelperRequest =
  | {
      readonly type: "run" | "stream";
      readonly id: number;
      readonly program: string;
      readonly args: readonly string[];
      readonly options: Omit<CommandOptions, "signal">;
    }
  /** Ends the command; its end is still told. */
  | { readonly type: "abort"; readonly id: number }
  /** A chunk was taken: another may be sent. */
  | { readonly type: "taken"; readonly id: number };

/** What the helper says. */
export type HelperAnswer =
  | { readonly type: "ready" }
  | { readonly type: "chunk"; readonly id: number; readonly chunk: Uint8Array }
  /** The command has ended; of `stream` without a result. */
  | { readonly type: "end"; readonly id: number; readonly result?: CommandResult | undefined }
  | { readonly type: "error"; readonly id: number; readonly error: ClauderonErrorJson };
