import { createHash } from "node:crypto";
import { join } from "node:path";

import type { GitObject } from "./mirror-manifest.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** Which references of a repository sessions may see. */
export interface RefRules {
  /** `refs/heads/*` and the like; `*` stands for anything, slashes too; `^` before one takes its matches away. Absent: everything that can be seen. */
  readonly refs?: readonly string[] | undefined;
  /** Beginnings of the names of sessions' own branches; never seen. */
  readonly hiddenPrefixes: readonly string[];
  /** Short names of branches that are never seen. */
  readonly hiddenBranches: ReadonlySet<string>;
}

export interface VisibleRef extends GitObject {
  readonly name: string;
}

/** What sessions may see of a repository at one moment. */
export interface RepositoryView {
  /** Differs when anything of it differs. */
  readonly key: string;
  readonly isSha256: boolean;
  /** Sorted by name. */
  readonly refs: readonly VisibleRef[];
  /** Of `refs`, each once. */
  readonly tips: readonly GitObject[];
  /** The tip that is most rarely rewound. */
  readonly trunk: GitObject | undefined;
  /** Text of the file that says where a shallow history ends. */
  readonly shallow: string;
}

const spaces = ["refs/heads", "refs/remotes", "refs/tags"];
const trunkNames = ["main", "master", "trunk", "develop"];

export async function readView(
  tools: WorkspaceTools,
  call: {
    readonly commonDirectory: string;
    readonly rules: RefRules;
    /** Commits that a session was asked to start from, wherever they are. */
    readonly commits: readonly string[];
    readonly signal?: AbortSignal | undefined;
  },
): Promise<RepositoryView> {
  const { commonDirectory, rules, commits, signal } = call;
  const all = await repositoryOf(tools).listRefs(commonDirectory, { signal });
  // A symbolic one is another name for what is seen, or not, under its own.
  const seen = all.filter(({ name, target }) => target === "" && isVisible(name, rules));
  const missing = await unreached(tools, { commonDirectory, commits, tips: seen, signal });
  const refs = [
    ...seen.map(({ object, type, name }) => ({ object, type, name })),
    ...missing.map((object) => ({ object, type: "commit", name: `refs/clauderon/start/${object}` })),
  ].toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const shallow = (await tools.fileSystem.readText(join(commonDirectory, "shallow"))) ?? "";
  const [first] = refs;
  const lines = refs.map(({ object, name }) => `${object} ${name}\n`).join("");
  return {
    key: createHash("sha256").update(`${shallow}\0${lines}`).digest("hex").slice(0, 40),
    isSha256: (first?.object ?? commits[0] ?? "").length === 64,
    refs,
    tips: [...new Map(refs.map(({ object, type }) => [object, { object, type }])).values()],
    trunk: trunkOf(seen, new Set(all.map(({ target }) => target))),
    shallow,
  };
}

/** A session's own branch, stashes, notes and what tools of the user keep are not for other sessions. */
export function isVisible(name: string, { refs, hiddenPrefixes, hiddenBranches }: RefRules): boolean {
  if (!spaces.some((space) => name.startsWith(`${space}/`))) return false;
  if (name.startsWith("refs/heads/")) {
    const branch = name.slice("refs/heads/".length);
    if (hiddenBranches.has(branch) || hiddenPrefixes.some((prefix) => prefix !== "" && branch.startsWith(prefix)))
      return false;
  }
  if (refs === undefined) return true;
  const wanted = refs.filter((pattern) => !pattern.startsWith("^"));
  const unwanted = refs.filter((pattern) => pattern.startsWith("^")).map((pattern) => pattern.slice(1));
  return (
    (wanted.length === 0 || wanted.some((pattern) => matches(pattern, name))) &&
    !unwanted.some((pattern) => matches(pattern, name))
  );
}

function matches(pattern: string, name: string): boolean {
  const [start = "", ...rest] = pattern.split("*");
  const end = rest.pop();
  if (end === undefined) return name === pattern;
  if (!name.startsWith(start) || !name.endsWith(end) || name.length < start.length + end.length) return false;
  let at = start.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - end.length;
}

function trunkOf(seen: readonly VisibleRef[], targets: ReadonlySet<string>): GitObject | undefined {
  const ranked = [
    (name: string) => name.startsWith("refs/remotes/") && targets.has(name),
    ...trunkNames.flatMap((trunk) => [
      (name: string) => name === `refs/remotes/origin/${trunk}`,
      (name: string) => name === `refs/heads/${trunk}`,
    ]),
  ];
  for (const isTrunk of ranked) {
    const found = seen.find(({ name, type }) => type === "commit" && isTrunk(name));
    if (found !== undefined) return { object: found.object, type: found.type };
  }
  return undefined;
}

async function unreached(
  tools: WorkspaceTools,
  call: {
    readonly commonDirectory: string;
    readonly commits: readonly string[];
    readonly tips: readonly GitObject[];
    readonly signal: AbortSignal | undefined;
  },
): Promise<readonly string[]> {
  const known = new Set(call.tips.map(({ object }) => object));
  const asked = [...new Set(call.commits)].filter((commit) => !known.has(commit));
  if (asked.length === 0) return [];
  const request = { gitDirectory: call.commonDirectory, commits: asked, tips: [...known] };
  return [...(await repositoryOf(tools).unreached(request, { signal: call.signal }))];
}
