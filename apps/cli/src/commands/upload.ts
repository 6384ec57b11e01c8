import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";

import { ClauderonError, FileError, type SessionUpload, type UploadFile } from "@clauderon/core/contract";

import type { Access } from "../command/access.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { pickFields } from "../output/json.ts";
import { resolveSession } from "../session/resolve-session.ts";

export const uploadCommand: Command = defineCommand({
  meta: {
    name: "upload",
    description: "Put files where a session's agent can read them: screenshots, logs, documents.",
  },
  args: {
    name: { type: "positional", required: true, description: "session", completes: "sessions" },
    file: { type: "positional", required: true, repeatable: true, description: "files of this machine" },
  },
  jsonFields: ["schemaVersion", "session", "name", "path", "sizeBytes"],
  examples: ["upload fix-login screenshot.png", "upload fix-login trace.log error.txt --json=path"],
  notes: [
    "Standard output has one path a file, as the agent sees it: tell it that path.",
    "They lie in .clauderon/uploads/ of the workspace, under names that nothing had before. Git sees nothing of them: they are in no status, diff, merge, apply or checkpoint.",
    "They go with the session: delete does not count them as work, and undo brings them back with the rest.",
    "A file has at most 32 MiB, all of a session together 256 MiB.",
  ],
  async run({ args, context }) {
    const { output, flags, signal, currentDirectory } = context;
    const files: UploadFile[] = [];
    // All of them can be read before the first is sent.
    for (const path of args.file) files.push(await readUpload(resolve(currentDirectory, path), context.access));
    const session = await resolveSession(args.name, context);
    const uploads: SessionUpload[] = [];
    for (const file of files) {
      const upload = await session.upload(file, { signal });
      uploads.push(upload);
      if (!flags.isJson) await output.line(upload.path);
    }
    if (flags.isJson) await output.json(uploads.map((upload) => pickFields({ ...upload }, flags.jsonFields)));
    return 0;
  },
});

async function readUpload(path: string, access: Pick<Access, "checkUpload">): Promise<UploadFile> {
  const name = basename(path);
  try {
    // A pipe in the file's place would hold the command for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) throw notReadable(path, "it is no file");
    await access.checkUpload(name, status.size);
    return { name, content: await file.readFile() };
  } catch (error) {
    if (ClauderonError.isInstance(error)) throw error;
    throw notReadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

function notReadable(path: string, why: string, cause?: unknown): FileError {
  return new FileError({
    code: "file.not-found",
    message: `${path} cannot be read`,
    why,
    fix: ["name a file of this machine", "a directory: put it into an archive first"],
    context: { path },
    cause,
  });
}
