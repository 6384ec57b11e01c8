import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "./workspace-tools.ts";

/**
 * Where `git push` takes the branch (git-config(1): `branch.*.pushRemote`, `remote.pushDefault`, `branch.*.remote`), else `origin`, else the only remote there is. As the user: the
 * rewrites of addresses (`url.*.pushInsteadOf`) are in the user's own configuration.
 */
export async function readPushUrl(
  { git }: WorkspaceTools,
  { repositoryPath, branch }: WorkspaceRecord,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const call = { cwd: repositoryPath, signal };
  const { stdout } = await git.act(["config", "--includes", "--list", "-z"], call);
  const settings = new Map<string, string>();
  for (const item of stdout.split("\0")) {
    const end = item.indexOf("\n");
    if (end !== -1) settings.set(item.slice(0, end), item.slice(end + 1));
  }
  const remotes = [...settings.keys()].flatMap((key) => /^remote\.(.+)\.url$/u.exec(key)?.[1] ?? []);
  const named = [
    settings.get(`branch.${branch}.pushremote`),
    settings.get("remote.pushdefault"),
    settings.get(`branch.${branch}.remote`),
    "origin",
    remotes.length === 1 ? remotes[0] : undefined,
  ];
  const remote = named.find((name) => name !== undefined && remotes.includes(name));
  if (remote === undefined) return undefined;
  const urls = await git.act(["remote", "get-url", "--push", "--", remote], call);
  return urls.stdout.split("\n")[0] ?? undefined;
}
