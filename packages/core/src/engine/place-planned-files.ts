import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

import type { AgentPlan } from "../contract/agent.ts";
import type { CallOptions } from "../contract/call-options.ts";
import { AgentError } from "../contract/errors/agent-error.ts";
import { FileError } from "../contract/errors/file-error.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import { collectText } from "../support/collect-text.ts";

type PlannedFile = AgentPlan["files"][number];

/** Where the agent's own files are in a sandbox that has a file system of its own. */
export function directoryInside(environment: Readonly<Record<string, string>>): string {
  const home = environment["HOME"] ?? "";
  return path.posix.join(path.posix.isAbsolute(home) ? home : "/tmp", ".clauderon-session");
}

/** Whole, and for the agent's user alone; both are paths. */
const write = 'umask 077 && mkdir -p "$1" && cat > "$2.new" && mv "$2.new" "$2"';

/** Writes what a plan needs where the agent will look for it: on this machine, or inside the sandbox. */
export async function placePlannedFiles(
  files: readonly PlannedFile[],
  { directory, sandbox }: { readonly directory: string; readonly sandbox: Pick<Sandbox, "exec"> | undefined },
  options: CallOptions,
): Promise<void> {
  for (const file of files) {
    refuseOutside(directory, file);
    if (sandbox === undefined) {
      await mkdir(path.dirname(file.path), { recursive: true, mode: 0o700 });
      await writeFile(file.path, file.content, { mode: 0o600 });
    } else {
      await writeInside(sandbox, file, options);
    }
  }
}

async function writeInside(sandbox: Pick<Sandbox, "exec">, file: PlannedFile, options: CallOptions): Promise<void> {
  const argv = ["sh", "-c", write, "sh", path.posix.dirname(file.path), file.path] as const;
  const process = await sandbox.exec([...argv], { ...options, stdin: "pipe", timeoutMs: 60_000 });
  const writer = process.stdin.getWriter();
  // One that ended says why on its standard error.
  const feeding = writer.write(new TextEncoder().encode(file.content)).then(() => writer.close());
  const [complaint, { exitCode }] = await Promise.all([
    collectText(process.stderr),
    process.exit,
    process.stdout.cancel(),
    feeding.catch(() => undefined),
  ]);
  if (exitCode === 0) return;
  throw new AgentError({
    code: "agent.not-found",
    message: `A file of the agent could not be put into the sandbox: ${file.path}`,
    why: complaint.trim(),
    fix: ["choose an image that has a shell, and whose home can be written"],
    context: { path: file.path, exitCode },
  });
}

function refuseOutside(directory: string, file: PlannedFile): void {
  if (file.path.startsWith(directory + path.sep) && path.normalize(file.path) === file.path) return;
  throw new FileError({
    code: "path.refused",
    message: `The agent's plan names a file outside the session's directory: ${file.path}`,
    fix: ["report this to the author of the agent's adapter"],
  });
}
