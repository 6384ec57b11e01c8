import { UsageError } from "../contract/errors/usage-error.ts";
import type { CreateSessionRequest } from "../contract/session.ts";
import { limitForms, readCpuLimit, readMemoryLimit, readProcessLimit } from "../support/resource-limits.ts";
import { validateSessionName } from "./session-name.ts";

/** Longer prompts cannot be handed to a program as an argument on every system. */
const maxPromptBytes = 1024 * 1024;

/** Rejects with a `UsageError` for what is wrong with a request wherever it is made: no daemon has to be asked, or started. */
export function checkCreateRequest(request: CreateSessionRequest): void {
  if (request.name !== undefined) validateSessionName(request.name);
  requirePrompt(request);
  requireOneOrigin(request);
  requireLimits(request);
}

/** What no engine takes; whether one has as much is the backend's to say. */
function requireLimits({ limits = {} }: CreateSessionRequest): void {
  const asked = [
    { option: "--cpu-limit", value: limits.cpus, read: readCpuLimit, form: limitForms.cpu },
    { option: "--memory-limit", value: limits.memoryBytes, read: readMemoryLimit, form: limitForms.memory },
    { option: "--pids-limit", value: limits.processes, read: readProcessLimit, form: limitForms.processes },
  ];
  const wrong = asked.find(({ value, read }) => value !== undefined && read(String(value)) === undefined);
  if (wrong === undefined) return;
  throw new UsageError({
    message: `${wrong.option} cannot be ${wrong.value}`,
    why: `expected ${wrong.form}`,
    fix: [`write ${wrong.form}`, `or leave ${wrong.option} out`],
  });
}

/** A checkpoint says by itself what a session starts from. */
function requireOneOrigin({ checkpoint, base, branch, withChanges }: CreateSessionRequest): void {
  if (checkpoint === undefined) return;
  const other = base === undefined ? (branch === undefined ? undefined : "--branch") : "--base";
  if (other === undefined && withChanges !== true) return;
  throw new UsageError({
    message: `--from and ${other ?? "--with-changes"} exclude each other`,
    why: "a checkpoint says which commit and which files the session starts with",
    fix: ["keep one of them"],
  });
}

function requirePrompt(request: CreateSessionRequest): void {
  const { prompt } = request;
  if (prompt === undefined) {
    if (request.isHeadless !== true) return;
    throw new UsageError({
      code: "usage.needs-input",
      message: "A headless session needs a prompt",
      fix: ["give one: --prompt TEXT, or --prompt-file -"],
    });
  }
  if (prompt.includes("\0")) {
    throw new UsageError({
      message: "The prompt contains a NUL character",
      why: "no program can be given one as an argument",
      fix: ["remove it from the text or file of the prompt"],
    });
  }
  if (Buffer.byteLength(prompt) > maxPromptBytes) {
    throw new UsageError({
      message: `The prompt has ${Buffer.byteLength(prompt)} bytes; at most ${maxPromptBytes} are taken`,
      fix: ["put the text into a file of the repository and let the prompt name it"],
    });
  }
}
