import { randomBytes } from "node:crypto";

import type { CallOptions } from "../contract/call-options.ts";
import { FileError } from "../contract/errors/file-error.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import { type SessionUpload, type UploadFile, uploadsDirectory } from "../contract/upload.ts";
import { createDirectoryFiles } from "../host/create-directory-files.ts";
import { checkUpload, checkUploads } from "../support/upload-limits.ts";

/** With it git sees nothing of the directory, whatever the repository's own rules say. */
const IGNORE_FILE = ".gitignore";

/**
 * Puts a file into a session, under a name that nothing has: nothing is ever overwritten. Neither the directories on the way nor the file are followed to
 * where a symbolic link leads.
 */
export async function uploadFile(
  { files, workspacePath }: Pick<Sandbox, "files" | "workspacePath">,
  session: { readonly id: string; readonly name: string },
  { name, content, signal }: UploadFile & CallOptions,
): Promise<SessionUpload> {
  checkUpload(name, content.byteLength);
  const directory = `${uploadsDirectory}/${session.id}`;
  const parts = directory.split("/");
  for (const [index] of parts.entries()) {
    const path = parts.slice(0, index + 1).join("/");
    const kind = await kindOf(files, path, signal);
    if (kind !== undefined && kind !== "directory") throw inTheWay(path, kind);
  }
  await files.makeDirectory(directory, { signal });
  const there = (await files.list(directory, { signal })).filter((entry) => entry.name !== IGNORE_FILE);
  checkUploads(
    { files: there.length, bytes: there.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    content.byteLength,
  );
  await files.write(`${directory}/${IGNORE_FILE}`, new TextEncoder().encode("*\n"), { signal });
  const path = `${directory}/${randomBytes(4).toString("hex")}-${name}`;
  await files.write(path, content, { signal });
  return {
    schemaVersion: 1,
    session: session.name,
    name,
    path: `${workspacePath}/${path}`,
    sizeBytes: content.byteLength,
  };
}

/** What was put into a session whose working tree stays without it, also under an earlier id. */
export async function removeUploads(worktree: string): Promise<void> {
  const files = createDirectoryFiles({ root: worktree });
  for (const path of [".clauderon", uploadsDirectory]) if ((await kindOf(files, path)) !== "directory") return;
  for (const { name, kind } of await files.list(uploadsDirectory)) {
    const path = `${uploadsDirectory}/${name}`;
    if (kind === "directory" && (await kindOf(files, `${path}/${IGNORE_FILE}`)) === "file") await files.remove(path);
  }
  for (const path of [uploadsDirectory, ".clauderon"]) {
    if ((await files.list(path)).length > 0) return;
    await files.remove(path);
  }
}

async function kindOf(files: Sandbox["files"], path: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    return (await files.stat(path, { signal })).kind;
  } catch (error) {
    if (FileError.isInstance(error) && error.code === "file.not-found") return undefined;
    throw error;
  }
}

function inTheWay(path: string, kind: string): FileError {
  return new FileError({
    code: "path.refused",
    message: `Nothing can be put into the session: ${path} is in the way`,
    why: kind === "symlink" ? "it is a symbolic link, and none is followed" : "it is no directory",
    fix: ["rename or remove it in the session, and try again"],
    context: { path },
  });
}
