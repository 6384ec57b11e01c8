import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Fired, Scene } from "./scene.ts";
import type { Vector } from "./vector.ts";

/** Makes git miss an object that it then asks a remote for. */
function promise(scene: Scene, remote: string): void {
  scene.configure(
    `[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\tpromisor = true\n\tpartialclonefilter = blob:none\n${remote}`,
  );
}

function lose(scene: Scene, revision: string): void {
  const name = scene.git(["rev-parse", revision]).trim();
  rmSync(join(scene.repository, ".git", "objects", name.slice(0, 2), name.slice(2)), { force: true });
}

/** Whoever reads the object sets it off: with a lost commit that is nearly every command. */
function lazy(name: string, what: "blob" | "commit", remote: (scene: Scene) => string): Vector {
  const isHead = what === "commit";
  return {
    name: `lazy fetch of a ${what}: ${name}`,
    isAlone: true,
    arm: (scene) => {
      promise(scene, remote(scene));
      if (isHead) lose(scene, "HEAD");
    },
    ...(isHead ? {} : { armWorkspace: (scene: Scene): void => lose(scene, "HEAD:b.txt") }),
    fire: (scene): Fired => {
      if (!isHead) return scene.plain(["cat-file", "-p", "HEAD:b.txt"]);
      return scene.plain(["rev-parse", "--verify", "HEAD^{commit}"]);
    },
    refused: isHead ? ["resolve", "create", "clone"] : ["diff", "borrow", "clone"],
  };
}

const remotes: Readonly<Record<string, (scene: Scene) => string>> = {
  "ext::": ({ trap }) => `\turl = ext::${trap}\n[protocol "ext"]\n\tallow = always`,
  "core.sshCommand": ({ trap }) => `\turl = ssh://example.invalid/x\n[core]\n\tsshCommand = ${trap}`,
  // Where nothing answers: what could be had from there would be had by a checkout, or not, as it comes.
  "remote.*.uploadpack": ({ trap, origin }) => `\turl = file://${origin}-gone\n\tuploadpack = ${trap}`,
  "remote.*.vcs": ({ trap }) => `\turl = ${trap}\n\tvcs = ext\n[protocol "ext"]\n\tallow = always`,
  "core.gitProxy": ({ trap }) => `\turl = git://example.invalid/x\n[core]\n\tgitProxy = ${trap}`,
  "url.insteadOf": ({ trap }) =>
    `\turl = https://example.invalid/x\n[protocol "ext"]\n\tallow = always\n[url "ext::${trap} "]\n\tinsteadOf = https://example.invalid/`,
};

function environment(
  name: string,
  variables: (scene: Scene) => Readonly<Record<string, string>>,
  fire: (scene: Scene, options: { readonly environment: Readonly<Record<string, string>> }) => Fired,
): Vector {
  return {
    name: `environment: ${name}`,
    environment: variables,
    fire: (scene) => {
      scene.write(join(scene.repository, "b.txt"), "changed\n");
      return fire(scene, { environment: variables(scene) });
    },
  };
}

/** Programs that git starts to reach another repository. */
export const transportVectors: readonly Vector[] = [
  ...Object.entries(remotes).map(([name, remote]) => lazy(name, "blob", remote)),
  ...Object.entries(remotes).map(([name, remote]) => lazy(name, "commit", remote)),
];

/** What the environment of the daemon may hold: of a shell in a repository's `.envrc`, of a hook, of an editor's terminal. */
export const environmentVectors: readonly Vector[] = [
  environment(
    "GIT_CONFIG_COUNT",
    ({ trap }) => ({ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.fsmonitor", GIT_CONFIG_VALUE_0: trap }),
    (scene, options) => scene.plain(["status"], options),
  ),
  environment(
    "GIT_CONFIG_PARAMETERS",
    ({ trap }) => ({ GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${trap}'` }),
    (scene, options) => scene.plain(["status"], options),
  ),
  environment(
    "GIT_EXTERNAL_DIFF",
    ({ trap }) => ({ GIT_EXTERNAL_DIFF: trap }),
    (scene, options) => scene.plain(["diff"], options),
  ),
  environment(
    "GIT_EDITOR",
    ({ trap }) => ({ GIT_EDITOR: trap }),
    (scene, options) => scene.plain(["commit", "--allow-empty"], options),
  ),
  environment(
    "GIT_SEQUENCE_EDITOR",
    ({ trap }) => ({ GIT_SEQUENCE_EDITOR: trap }),
    (scene, options) => {
      scene.plain(["checkout", "--quiet", "-f", "main"]);
      return scene.plain(["rebase", "--interactive", "HEAD~1"], options);
    },
  ),
  environment(
    "GIT_PAGER",
    ({ trap }) => ({ GIT_PAGER: trap, TERM: "xterm" }),
    (scene, options) => scene.program("script", ["-qec", "git log", "/dev/null"], options),
  ),
  environment(
    "GIT_PROXY_COMMAND",
    ({ trap }) => ({ GIT_PROXY_COMMAND: trap }),
    (scene, options) => scene.plain(["ls-remote", "git://example.invalid/x"], options),
  ),
  ...["GIT_TRACE", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF", "GIT_TRACE_SETUP", "GIT_TRACE_PACKET"].map(
    (name) =>
      environment(
        name,
        (scene) => ({ [name]: join(scene.root, "traces", "fired") }),
        (scene, options) => scene.plain(["ls-remote", scene.origin], options),
      ),
  ),
  environment(
    "GIT_DIR",
    (scene) => {
      const directory = join(scene.root, "evil.git");
      if (!readdirSync(scene.root).includes("evil.git")) scene.git(["init", "--quiet", "--bare", directory]);
      scene.write(join(directory, "config"), `[core]\n\tbare = false\n\tfsmonitor = ${scene.trap}\n`);
      return { GIT_DIR: directory, GIT_WORK_TREE: scene.repository };
    },
    (scene, options) => scene.plain(["status"], options),
  ),
  environment(
    "GIT_WORK_TREE",
    (scene) => ({ GIT_WORK_TREE: scene.outside }),
    (scene, options) => {
      scene.plain(["add", "--all"], options);
      return scene.plain(["show", ":secret.txt"]);
    },
  ),
];
