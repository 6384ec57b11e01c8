import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { type Fired, type Scene, SECRET } from "./scene.ts";
import { change, type Vector } from "./vector.ts";

/** A repository elsewhere that runs the trap on every look. */
function evilRepository(scene: Scene, directory: string, isBare = false): void {
  mkdirSync(directory, { recursive: true });
  const quiet = ["-c", "core.hooksPath=/dev/null"];
  scene.git([...quiet, "init", "--quiet", "--template=", ...(isBare ? ["--bare"] : [])], directory);
  const tree = scene.program("git", ["mktree"], { cwd: directory }).output.trim();
  scene.git(["update-ref", "HEAD", scene.git(["commit-tree", "-m", "Evil", tree], directory).trim()], directory);
  const gitDirectory = isBare ? directory : join(directory, ".git");
  scene.configure(
    `[core]\n\tfsmonitor = ${scene.trap}${isBare ? "\n\tbare = false\n\tworktree = .." : ""}\n[diff]\n\texternal = ${scene.trap}`,
    join(gitDirectory, "config"),
  );
  scene.hook("post-index-change", join(gitDirectory, "hooks"));
}

function entryOf(scene: Scene): string {
  if (scene.agentDirectory !== undefined) return scene.agentDirectory;
  const [name = ""] = readdirSync(join(scene.repository, ".git", "worktrees"));
  return join(scene.repository, ".git", "worktrees", name);
}

const statusInWorkspace = (scene: Scene): Fired => {
  change(scene, scene.workspace);
  return scene.plain(["status"], { cwd: scene.workspace });
};

/** Whether the agent's commit seems to be reached from elsewhere. */
function uncounted(scene: Scene): Fired {
  const count = scene.git(["rev-list", "--count", "HEAD", "--not", "main"], scene.workspace).trim();
  return { output: count === "0" ? SECRET : "" };
}

/** A commit whose tree git's own programs would never have made. */
function commitTree(scene: Scene, entries: readonly string[]): string {
  const tree = scene.plain(["mktree", "--missing"], { input: entries.map((entry) => `${entry}\n`).join("") });
  return scene.git(["commit-tree", "-m", "Odd", tree.output.trim()]).trim();
}

function blob(scene: Scene, text: string): string {
  return scene.plain(["hash-object", "-w", "--stdin"], { input: text }).output.trim();
}

/** Files of a git directory that lead elsewhere, and repositories in repositories. */
export const layoutVectors: readonly Vector[] = [
  {
    name: "worktree configuration",
    arm: (scene) => scene.configure("[extensions]\n\tworktreeConfig = true"),
    armWorkspace: (scene) =>
      scene.configure(`[core]\n\tfsmonitor = ${scene.trap}`, join(entryOf(scene), "config.worktree")),
    fire: statusInWorkspace,
  },
  {
    name: ".git file that names another repository",
    armWorkspace: (scene) => {
      evilRepository(scene, join(scene.root, "evil"));
      scene.write(join(scene.workspace, ".git"), `gitdir: ${join(scene.root, "evil", ".git")}\n`);
    },
    fire: statusInWorkspace,
    isAlone: true,
  },
  {
    name: ".git as a symlink to another repository",
    armWorkspace: (scene) => {
      evilRepository(scene, join(scene.root, "evil"));
      rmSync(join(scene.workspace, ".git"));
      symlinkSync(join(scene.root, "evil", ".git"), join(scene.workspace, ".git"));
    },
    fire: statusInWorkspace,
    isAlone: true,
  },
  {
    name: ".git as a directory",
    armWorkspace: (scene) => {
      rmSync(join(scene.workspace, ".git"));
      evilRepository(scene, scene.workspace);
    },
    fire: statusInWorkspace,
    isAlone: true,
  },
  {
    isAlone: true,
    name: "commondir that names another repository",
    armWorkspace: (scene) => {
      cpSync(join(scene.repository, ".git"), join(scene.root, "evil.git"), { recursive: true });
      scene.configure(`[core]\n\tfsmonitor = ${scene.trap}`, join(scene.root, "evil.git", "config"));
      scene.write(join(entryOf(scene), "commondir"), `${scene.root}/evil.git\n`);
    },
    fire: statusInWorkspace,
  },
  {
    isAlone: true,
    name: "index of the worktree with fsmonitor's extension",
    arm: (scene) => scene.configure(`[core]\n\tfsmonitor = ${scene.trap}`),
    armWorkspace: (scene) => {
      scene.git(["-c", "core.fsmonitor=", "update-index", "--fsmonitor"], scene.workspace);
      scene.forget();
    },
    fire: statusInWorkspace,
  },
  {
    name: "nested repository, entered",
    armWorkspace: (scene) => evilRepository(scene, join(scene.workspace, "nested")),
    fire: (scene) => scene.plain(["status"], { cwd: join(scene.workspace, "nested") }),
  },
  {
    isAlone: true,
    name: "nested bare repository, entered",
    armWorkspace: (scene) => evilRepository(scene, join(scene.workspace, "nested"), true),
    fire: (scene) => scene.plain(["status"], { cwd: join(scene.workspace, "nested") }),
  },
  {
    isAlone: true,
    name: "nested repository in the index",
    armWorkspace: (scene) => {
      evilRepository(scene, join(scene.workspace, "nested"));
      const head = scene.git(["rev-parse", "HEAD"], join(scene.workspace, "nested")).trim();
      scene.git(["update-index", "--add", "--cacheinfo", `160000,${head},nested`], scene.workspace);
    },
    fire: statusInWorkspace,
  },
  {
    name: "submodule that is asked for its dirt",
    settings: () =>
      "[diff]\n\tignoreSubmodules = none\n\tsubmodule = diff\n[status]\n\tsubmoduleSummary = true\n[submodule]\n\trecurse = true",
    arm: (scene) => {
      const inner = join(scene.repository, "inner");
      mkdirSync(inner);
      scene.git(["init", "--quiet", "--template="], inner);
      scene.git(["commit", "--quiet", "--allow-empty", "-m", "x"], inner);
      scene.write(
        join(scene.repository, ".gitmodules"),
        '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n\tignore = none\n',
      );
      scene.git(["-c", "advice.addEmbeddedRepo=false", "add", "inner", ".gitmodules"]);
      scene.git(["commit", "--quiet", "-m", "Inner"]);
      scene.configure(
        `[core]\n\tfsmonitor = ${scene.trap}\n[diff]\n\texternal = ${scene.trap}`,
        join(inner, ".git", "config"),
      );
    },
    fire: (scene) => scene.plain(["status"]),
  },
  {
    name: "attributes in info/attributes",
    arm: (scene) => {
      scene.write(join(scene.repository, ".git", "info", "attributes"), "* filter=other\n");
      scene.configure(`[filter "other"]\n\tclean = ${scene.trap}`);
    },
    fire: (scene) => {
      change(scene, scene.repository);
      return scene.plain(["diff"]);
    },
  },
  {
    name: "attributes that the agent writes",
    arm: (scene) =>
      scene.configure(`[filter "other"]\n\tclean = ${scene.trap}\n[diff "other"]\n\ttextconv = ${scene.trap}`),
    armWorkspace: (scene) =>
      scene.write(join(scene.workspace, "deep", ".gitattributes"), "* filter=other diff=other\n"),
    fire: (scene) => {
      scene.write(join(scene.workspace, "deep", "c.txt"), "changed\n");
      return scene.plain(["diff"], { cwd: scene.workspace });
    },
  },
  {
    isAlone: true,
    name: "core.worktree elsewhere",
    // Git takes it from no included file.
    arm: (scene) => scene.configure(`[core]\n\tworktree = ${scene.outside}`),
    fire: (scene) => {
      scene.plain(["add", "--all"]);
      return scene.plain(["show", ":secret.txt"]);
    },
    refused: ["changes", "create"],
  },
  {
    isAlone: true,
    name: "replace references",
    armWorkspace: (scene) => {
      scene.git(["commit", "--quiet", "--allow-empty", "-m", "Work"], scene.workspace);
      const file = scene.git(["rev-parse", "HEAD:b.txt"]).trim();
      scene.git(["update-ref", `refs/replace/${file}`, blob(scene, `${SECRET}\n`)]);
    },
    fire: (scene) => scene.plain(["show", "HEAD:b.txt"]),
  },
  {
    name: "replace references: history that says a commit is kept",
    isAlone: true,
    holdsCommit: true,
    armWorkspace: (scene) => {
      scene.git(["commit", "--quiet", "--allow-empty", "-m", "Work"], scene.workspace);
      const work = scene.git(["rev-parse", "HEAD"], scene.workspace).trim();
      const other = scene.git(["commit-tree", "-m", "Other", "-p", work, "HEAD^{tree}"]).trim();
      scene.git(["update-ref", `refs/replace/${scene.git(["rev-parse", "main"]).trim()}`, other]);
    },
    fire: uncounted,
  },
  {
    name: "grafts: history that says a commit is kept",
    isAlone: true,
    holdsCommit: true,
    armWorkspace: (scene) => {
      scene.git(["commit", "--quiet", "--allow-empty", "-m", "Work"], scene.workspace);
      const work = scene.git(["rev-parse", "HEAD"], scene.workspace).trim();
      scene.write(
        join(scene.repository, ".git", "info", "grafts"),
        `${scene.git(["rev-parse", "main"]).trim()} ${work}\n`,
      );
    },
    fire: uncounted,
  },
  {
    name: "objects borrowed from elsewhere by the environment",
    environment: (scene) => ({ GIT_ALTERNATE_OBJECT_DIRECTORIES: borrowed(scene) }),
    fire: (scene) => {
      const environment = { GIT_ALTERNATE_OBJECT_DIRECTORIES: borrowed(scene) };
      return scene.plain(["cat-file", "-p", readFileSync(join(scene.root, "borrowed-name"), "utf8")], { environment });
    },
  },
  {
    name: "symlink in the tree to a directory elsewhere",
    arm: (scene) => {
      symlinkSync(scene.outside, join(scene.repository, "link"));
      scene.git(["add", "link"]);
      scene.git(["commit", "--quiet", "-m", "Link"]);
    },
    fire: (scene) => scene.program("cat", ["link/secret.txt"]),
  },
  {
    name: "tree with entries below a symlink",
    arm: (scene) => {
      const link = blob(scene, scene.outside);
      const inner = scene.plain(["mktree"], { input: `100644 blob ${blob(scene, "x\n")}\tsecret.txt\n` }).output.trim();
      const commit = commitTree(scene, [`120000 blob ${link}\tLINK`, `040000 tree ${inner}\tlink`]);
      scene.git(["update-ref", "refs/heads/odd", commit]);
      symlinkSync(scene.outside, join(scene.repository, "link"));
    },
    fire: (scene) => scene.program("cat", ["link/secret.txt"]),
  },
  {
    name: ".gitattributes as a symlink",
    armWorkspace: (scene) => {
      rmSync(join(scene.workspace, ".gitattributes"));
      symlinkSync(join(scene.outside, "secret.txt"), join(scene.workspace, ".gitattributes"));
    },
    fire: (scene) => scene.program("cat", [join(scene.workspace, ".gitattributes")]),
  },
];

function borrowed(scene: Scene): string {
  const other = join(scene.root, "borrowed.git");
  scene.git(["init", "--quiet", "--bare", "--template=", other], scene.root);
  const name = scene.plain([`--git-dir=${other}`, "hash-object", "-w", "--stdin"], { input: SECRET }).output.trim();
  scene.write(join(scene.root, "borrowed-name"), name);
  return join(other, "objects");
}
