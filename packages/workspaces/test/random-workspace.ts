import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import fc from "fast-check";

import { type Fixture, helpedRunner } from "./git-fixture.ts";

/** Something that a session may have done in its worktree. */
export type Act =
  | { readonly act: "write"; readonly name: string; readonly content: string; readonly mode: number }
  | { readonly act: "link"; readonly name: string; readonly target: string }
  | { readonly act: "directory" | "delete" | "stage" | "intend" | "assume" | "skip"; readonly name: string }
  | { readonly act: "commit" | "stash" | "detach" | "nested" | "submodule" | "bisect" | "worktreeRef" }
  | { readonly act: "conflict"; readonly how: "merge" | "rebase" | "cherry-pick" | "revert" };

const word = fc.constantFrom(
  "a.txt",
  "b.txt",
  "new",
  "ignored",
  "ünï",
  "日本",
  "new\nline",
  "tab\there",
  '"q"',
  " s ",
  "-d",
  "*",
  "é",
  "\\",
);
const name = fc.oneof(
  { weight: 3, arbitrary: word },
  fc.tuple(fc.constantFrom("deep", "dir\n", "ignored-dir", "ß"), word).map((parts) => parts.join("/")),
);
const content = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("", "one\n", "\r\n", "\0binary"));
const named = fc.record({ act: fc.constantFrom("directory", "delete", "stage", "intend", "assume", "skip"), name });

export const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        act: fc.constant("write" as const),
        name,
        content,
        mode: fc.constantFrom(0o644, 0o755, 0o600, 0o444, 0o700),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        act: fc.constant("link" as const),
        name,
        target: fc.constantFrom("a.txt", "nowhere", "/etc", "..", "x\ny"),
      }),
    },
    { weight: 4, arbitrary: named },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constantFrom("commit", "stash", "detach", "nested", "submodule", "bisect", "worktreeRef"),
      }) as fc.Arbitrary<Act>,
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant("conflict" as const),
        how: fc.constantFrom("merge", "rebase", "cherry-pick", "revert"),
      }) as fc.Arbitrary<Act>,
    },
  ),
  { minLength: 1, maxLength: 12 },
);

/** What runs into the change of `a.txt` on the branch `other`. */
const conflicts = {
  merge: ["merge", "--no-edit", "other"],
  rebase: ["rebase", "other"],
  "cherry-pick": ["cherry-pick", "other"],
  revert: ["revert", "--no-commit", "other"],
} as const;

/** Does it, as far as it can be done in the state that the acts before have made. */
export async function perform(world: Fixture, workTree: string, act: Act): Promise<void> {
  // A conflict is what some of these are for; others make no sense in the state there is.
  const git = async (...args: readonly string[]): Promise<void> => {
    await helpedRunner.run("git", args, { cwd: workTree, environment: world.environment });
  };
  const put = (name: string, make: (path: string) => void): void => {
    try {
      mkdirSync(dirname(join(workTree, name)), { recursive: true });
      rmSync(join(workTree, name), { recursive: true, force: true });
      make(join(workTree, name));
    } catch {
      // A file is where a directory would have to be.
    }
  };
  switch (act.act) {
    case "write":
      return put(act.name, (path) => {
        writeFileSync(path, act.content);
        chmodSync(path, act.mode);
      });
    case "link":
      return put(act.name, (path) => symlinkSync(act.target, path));
    case "directory":
      return put(act.name, (path) => mkdirSync(path, { mode: 0o750 }));
    case "delete":
      return put(act.name, () => undefined);
    case "stage":
      return git("--literal-pathspecs", "add", "--force", "--", act.name);
    case "intend":
      return git("--literal-pathspecs", "add", "--intent-to-add", "--", act.name);
    case "assume":
      return git("update-index", "--assume-unchanged", "--", act.name);
    case "skip":
      return git("update-index", "--skip-worktree", "--", act.name);
    case "commit":
      return git("commit", "--quiet", "--allow-empty", "-m", "Work");
    case "stash":
      return git("stash", "push", "--include-untracked", "--quiet");
    case "detach":
      return git("checkout", "--quiet", "--detach");
    case "nested":
      await git("init", "--quiet", "nested");
      return put("nested/file", (path) => writeFileSync(path, "nested"));
    case "submodule":
      return git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", join(world.root, "module"), "sub");
    case "bisect":
      await git("bisect", "start");
      return git("bisect", "bad");
    case "worktreeRef":
      await git("commit", "--quiet", "--allow-empty", "-m", "Kept by a reference of the worktree alone");
      await git("update-ref", "refs/worktree/kept", "HEAD");
      return git("reset", "--quiet", "--soft", "HEAD~1");
    case "conflict":
      // Both sides change a.txt; `other` does so in the repository.
      put("a.txt", (path) => writeFileSync(path, "ours\n"));
      await git("commit", "--quiet", "-m", "Ours", "--", "a.txt");
      return git(...conflicts[act.how]);
    default:
      return act satisfies never;
  }
}

/** A branch to be in conflict with, and a repository to have as a submodule. */
export function prepare(world: Fixture): void {
  const { root } = world;
  const git: Fixture["git"] = (args, cwd) => world.git(args, cwd);
  git(["switch", "--quiet", "--create", "other"]);
  world.write({ "a.txt": "theirs\n" });
  git(["commit", "--quiet", "--all", "-m", "Theirs"]);
  git(["switch", "--quiet", "main"]);
  mkdirSync(join(root, "module"));
  git(["init", "--quiet"], join(root, "module"));
  world.write({ "m.txt": "module\n" }, join(root, "module"));
  git(["add", "."], join(root, "module"));
  git(["commit", "--quiet", "-m", "Module"], join(root, "module"));
}

/** Everything that git tells of a worktree and its repository. */
export async function gitState(
  world: Fixture,
  workTree: string,
  branch = "clauderon/fix",
): Promise<Record<string, string>> {
  const told = async (args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await helpedRunner.run("git", args, {
      cwd: workTree,
      environment: world.environment,
    });
    return exitCode === 0 ? stdout : `refused: ${stderr}`;
  };
  // The first writes what it has seen to the index; the others read.
  const status = await told(["status", "--porcelain=v2", "--branch", "--ignored", "--untracked-files=all", "-z"]);
  const asked = {
    plain: ["status"],
    index: ["ls-files", "--stage", "-v", "-z"],
    undo: ["ls-files", "--resolve-undo", "-z"],
    stashes: ["stash", "list"],
    refs: ["for-each-ref", "--format=%(objectname) %(refname)"],
    head: ["symbolic-ref", "HEAD"],
    log: ["reflog", "show", "HEAD"],
    branchLog: ["reflog", "show", branch],
    worktrees: ["worktree", "list", "--porcelain"],
    staged: ["diff", "--cached"],
    ...(existsSync(join(workTree, ".gitmodules")) ? { modules: ["submodule", "status"] } : {}),
  };
  const answers = Object.entries(asked).map(async ([name, args]) => [name, await told(args)] as const);
  return { status, ...Object.fromEntries(await Promise.all(answers)) };
}
