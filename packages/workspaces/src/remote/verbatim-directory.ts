import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { formatGitConfig } from "../git-config-file.ts";
import { privatePlaces } from "../private/private-places.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";

/** With these git writes and reads every file as it is: no line endings, encodings or filters. */
export const verbatimAttributes: string = "* -text -filter -ident !eol !crlf !working-tree-encoding\n";

/** A git directory that is thrown away, for the objects and the files of this machine's copy. */
export interface VerbatimDirectory extends AsyncDisposable {
  /** Makes git use it, with the index of that name in it. */
  environment(index: string): Readonly<Record<string, string>>;
}

/** What git makes with it is put into the session's own objects. */
export async function makeVerbatimDirectory(
  { fileSystem, scratch }: WorkspaceTools,
  record: WorkspaceRecord,
): Promise<VerbatimDirectory> {
  const { path: directory, discard } = scratch.reserve();
  const isSha256 = record.base.length === 64;
  try {
    for (const name of ["refs", "info"]) await fileSystem.makeDirectory(join(directory, name));
    await fileSystem.writeText(join(directory, "HEAD"), "ref: refs/heads/clauderon-none\n");
    await fileSystem.writeText(join(directory, "info", "attributes"), verbatimAttributes);
    const format = isSha256 ? [{ key: "extensions.objectformat", value: "sha256" }] : [];
    const version = { key: "core.repositoryformatversion", value: isSha256 ? "1" : "0" };
    const config = formatGitConfig([version, { key: "core.bare", value: "false" }, ...format]);
    await fileSystem.writeText(join(directory, "config"), config);
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    environment: (index) => ({
      GIT_DIR: directory,
      GIT_WORK_TREE: record.path,
      GIT_OBJECT_DIRECTORY: join(privatePlaces(record).outside, "objects"),
      GIT_INDEX_FILE: join(directory, index),
    }),
    [Symbol.asyncDispose]: discard,
  };
}
