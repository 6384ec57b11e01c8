import { join } from "node:path";

import type { WorkspaceTools } from "./workspace-tools.ts";

/** What stands at the name of a branch. `blocked`: another branch's name contains it or is contained in it, as files and directories do. */
export type BranchLookup =
  | { readonly state: "free" }
  | { readonly state: "exists" }
  | { readonly state: "blocked"; readonly by: string };

/** Looks without starting a process where refs are files (gitrepository-layout(5)), else asks git. */
export async function lookUpBranch(
  tools: WorkspaceTools,
  commonDirectory: string,
  branch: string,
): Promise<BranchLookup> {
  if ((await tools.fileSystem.kindOf(join(commonDirectory, "reftable"))) !== "absent")
    return askGit(tools, commonDirectory, branch);
  const heads = join(commonDirectory, "refs", "heads");
  const parts = branch.split("/");
  const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
  const kind = await tools.fileSystem.kindOf(join(heads, branch));
  if (kind === "file") return { state: "exists" };
  const packed = new Set(
    ((await tools.fileSystem.readText(join(commonDirectory, "packed-refs"))) ?? "")
      .split("\n")
      .map((line) => line.slice(line.indexOf(" ") + 1))
      .filter((name) => name.startsWith("refs/heads/"))
      .map((name) => name.slice("refs/heads/".length)),
  );
  if (packed.has(branch)) return { state: "exists" };
  for (const parent of parents) {
    if (packed.has(parent) || (await tools.fileSystem.kindOf(join(heads, parent))) === "file")
      return { state: "blocked", by: parent };
  }
  const child =
    [...packed].find((name) => name.startsWith(`${branch}/`)) ??
    (kind === "directory" ? await firstFile(tools, heads, branch) : undefined);
  return child === undefined ? { state: "free" } : { state: "blocked", by: child };
}

async function firstFile(tools: WorkspaceTools, heads: string, name: string): Promise<string | undefined> {
  for (const child of await tools.fileSystem.names(join(heads, name))) {
    const path = `${name}/${child}`;
    const kind = await tools.fileSystem.kindOf(join(heads, path));
    const found = kind === "directory" ? await firstFile(tools, heads, path) : path;
    if (found !== undefined) return found;
  }
  return undefined;
}

async function askGit({ git }: WorkspaceTools, commonDirectory: string, branch: string): Promise<BranchLookup> {
  const parts = branch.split("/");
  const names = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  const { stdout } = await git.inspect([
    `--git-dir=${commonDirectory}`,
    "for-each-ref",
    "--format=%(refname:lstrip=2)",
    ...names.map((name) => `refs/heads/${name}`),
  ]);
  const found = stdout.split("\n");
  if (found.includes(branch)) return { state: "exists" };
  const by = found.find((name) => name.startsWith(`${branch}/`)) ?? names.find((name) => found.includes(name));
  return by === undefined ? { state: "free" } : { state: "blocked", by };
}
