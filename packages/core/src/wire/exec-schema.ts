import { z } from "zod";

import type { ExecResult } from "../contract/clauderon.ts";
import type { ProcessExit, ProcessSignal, TerminalSize } from "../contract/process.ts";
import { exactly } from "./exactly.ts";
import { terminalSizeSchema } from "./session-schema.ts";

/** What is run, in the body of a one-shot call and as the first message of a streaming one. */
export interface ExecRequest {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Fed to standard input of a one-shot call. */
  readonly input?: string | undefined;
  /** For a streaming call. */
  readonly stdin?: "pipe" | "ignore" | undefined;
  /** For a streaming call. */
  readonly terminal?: TerminalSize | undefined;
  readonly timeoutMs?: number | undefined;
}

const NUL = "\u0000";
const argument = z.string().refine((text) => !text.includes(NUL), "an argument cannot contain NUL");

export const execRequestSchema: z.ZodType<ExecRequest> = exactly<ExecRequest>()(
  z
    .strictObject({
      argv: z.tuple([argument.min(1)], argument).readonly(),
      cwd: argument.optional(),
      environment: z.record(z.string().min(1), argument).readonly().optional(),
      input: z.string().optional(),
      stdin: z.enum(["pipe", "ignore"]).optional(),
      terminal: terminalSizeSchema.optional(),
      timeoutMs: z.int().positive().max(2_147_483_647).optional(),
    })
    .meta({ id: "ExecRequest" }),
);

export const execResultSchema: z.ZodType<ExecResult> = exactly<ExecResult>()(
  z
    .object({ exitCode: z.int(), stdout: z.string(), stderr: z.string(), durationMs: z.number() })
    .meta({ id: "ExecResult" }),
);

export const processExitSchema: z.ZodType<ProcessExit> = exactly<ProcessExit>()(
  z.object({ exitCode: z.int(), signal: z.string().optional(), isTimedOut: z.boolean() }),
);

export const processSignalSchema: z.ZodType<ProcessSignal> = exactly<ProcessSignal>()(
  z.enum(["SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGSTOP", "SIGWINCH"]),
);
