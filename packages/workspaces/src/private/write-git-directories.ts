import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import { formatGitConfig, type GitConfigEntry, parseGitConfig } from "../git-config-file.ts";
import type { GitTree } from "../own-git-directory.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { gitFileText, type PrivatePlaces, privatePlaces } from "./private-places.ts";

/** Of the repository's own configuration what says how its files are read, who commits and where its remotes are: nothing that names a program. */
const keptKeys =
  /^(?:core\.(?:filemode|ignorecase|symlinks|precomposeunicode|autocrlf|eol|protecthfs|protectntfs|bigfilethreshold)|extensions\.objectformat|user\.(?:name|email)|remote\..+\.(?:url|fetch)|branch\..+\.(?:remote|merge|rebase)|lfs\.url)$/u;

/**
 * On this machine nobody enters what an agent has put into the working tree: a repository in it brings its own configuration. Gitlinks are kept out of
 * sight in the index besides, as a `.gitmodules` could say otherwise.
 */
const cautious: readonly GitConfigEntry[] = [
  { key: "core.fsmonitor", value: "false" },
  { key: "core.splitindex", value: "false" },
  { key: "core.untrackedcache", value: "false" },
  { key: "diff.ignoresubmodules", value: "dirty" },
  { key: "diff.submodule", value: "short" },
  { key: "status.submodulesummary", value: "false" },
  { key: "submodule.recurse", value: "false" },
  { key: "fetch.recursesubmodules", value: "false" },
  { key: "protocol.ext.allow", value: "never" },
];

export interface OutsideCall {
  readonly record: WorkspaceRecord;
  /** The generation that is borrowed. */
  readonly generation: string;
}

/** The git directory of this machine: the references that the session may see, its branch at the base, no objects of its own. */
export async function writeOutside(
  { fileSystem }: WorkspaceTools,
  { record, generation }: OutsideCall,
): Promise<GitTree> {
  const places = privatePlaces(record);
  const { outside } = places;
  await fileSystem.makeDirectory(outside);
  await fileSystem.writeText(places.borrowed, generation);
  await writeSkeleton({ fileSystem }, outside, { record, generation });
  const settings = await repositorySettings({ fileSystem }, record);
  await fileSystem.writeText(join(outside, "config"), formatGitConfig([...settings, ...cautious]));
  const lfs = join(record.commonDirectory, "lfs");
  if ((await fileSystem.kindOf(lfs)) === "directory") await fileSystem.link(lfs, join(outside, "lfs"));
  return { workTree: record.path, gitDirectory: outside, commonDirectory: outside, head: record.base };
}

/** The sandbox's own, from what the other holds; it does not exist for anybody before this has ended. */
export async function writeInside(
  { fileSystem }: WorkspaceTools,
  { record, generation, identity }: OutsideCall & { readonly identity: readonly GitConfigEntry[] },
): Promise<void> {
  const places: PrivatePlaces = privatePlaces(record);
  const { outside, inside } = places;
  await fileSystem.makeDirectory(inside);
  await writeSkeleton({ fileSystem }, inside, { record, generation });
  const settings = await settingsInside({ fileSystem }, record);
  await fileSystem.writeText(join(inside, "config"), formatGitConfig([...identity, ...settings]));
  await fileSystem.copyEntry(Buffer.from(join(outside, "index")), Buffer.from(join(inside, "index")));
  // Copies: what the agent can write must not be the same file as what is read here.
  const packs = join("objects", "pack");
  for (const name of await fileSystem.names(join(outside, packs)))
    await fileSystem.copyEntry(Buffer.from(join(outside, packs, name)), Buffer.from(join(inside, packs, name)));
  await fileSystem.writeText(places.gitFile, gitFileText(inside));
}

/** What of the repository's configuration a sandbox gets. */
export async function settingsInside(
  tools: Pick<WorkspaceTools, "fileSystem">,
  record: WorkspaceRecord,
): Promise<readonly GitConfigEntry[]> {
  return (await repositorySettings(tools, record)).flatMap(withoutSecrets);
}

async function writeSkeleton(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  directory: string,
  { record, generation }: OutsideCall,
): Promise<void> {
  for (const name of ["refs/heads", "refs/tags", "objects/info", "objects/pack", "info"])
    await fileSystem.makeDirectory(join(directory, name));
  const refs = (await fileSystem.readText(join(generation, "packed-refs"))) ?? "";
  const own = `refs/heads/${record.branch}`;
  const others = refs.split("\n").filter((line) => line !== "" && !line.endsWith(` ${own}`));
  await fileSystem.writeText(join(directory, "packed-refs"), `${[...others, `${record.base} ${own}`].join("\n")}\n`);
  await fileSystem.writeText(join(directory, "HEAD"), `ref: ${own}\n`);
  await fileSystem.writeText(join(directory, "objects", "info", "alternates"), `${join(generation, "objects")}\n`);
  const shallow = await fileSystem.readText(join(generation, "shallow"));
  if (shallow !== undefined) await fileSystem.writeText(join(directory, "shallow"), shallow);
  const exclude = await fileSystem.readText(join(record.commonDirectory, "info", "exclude"));
  if (exclude !== undefined) await fileSystem.writeText(join(directory, "info", "exclude"), exclude);
}

async function repositorySettings(
  { fileSystem }: Pick<WorkspaceTools, "fileSystem">,
  { commonDirectory, base }: WorkspaceRecord,
): Promise<readonly GitConfigEntry[]> {
  const all = parseGitConfig((await fileSystem.readText(join(commonDirectory, "config"))) ?? "");
  const isNew = base.length === 64 || all.some(({ key }) => key.startsWith("extensions."));
  return [
    { key: "core.repositoryformatversion", value: isNew ? "1" : "0" },
    { key: "core.bare", value: "false" },
    { key: "core.logallrefupdates", value: "true" },
    ...all.filter(({ key }) => keptKeys.test(key)),
  ];
}

/** An address may hold a password; a path of this machine means nothing inside. */
function withoutSecrets(entry: GitConfigEntry): readonly GitConfigEntry[] {
  if (entry.key === "lfs.url" || /^remote\..+\.url$/u.test(entry.key)) {
    const value = addressInside(entry.value);
    return value === undefined ? [] : [{ ...entry, value }];
  }
  return [entry];
}

function addressInside(address: string): string | undefined {
  if (/^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:(?!\/\/)\P{C}+$/u.test(address)) return address;
  const url = URL.parse(address);
  if (url === null || !["https:", "http:", "ssh:"].includes(url.protocol)) return undefined;
  url.password = "";
  if (url.protocol !== "ssh:") url.username = "";
  return url.href;
}
