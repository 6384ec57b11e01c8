import { spawnSync } from "node:child_process";
import { join } from "node:path";

import type { Sandbox, WorkspaceMount } from "@clauderon/core/contract";

import { enterCommand, mountedSandbox } from "../private-fixture.ts";
import type { RunOptions, Scene } from "./scene.ts";

/** The user's configuration is not there. */
const identity = {
  GIT_AUTHOR_NAME: "Agent",
  GIT_AUTHOR_EMAIL: "agent@example.com",
  GIT_COMMITTER_NAME: "Agent",
  GIT_COMMITTER_EMAIL: "agent@example.com",
};

/** The sandbox of a private workspace, which has the working tree at the same path. */
export function enterSandbox(scene: Scene, mount: WorkspaceMount): Pick<Sandbox, "exec"> {
  return mountedSandbox(scene, mount, scene.workspace);
}

/** The scene in an agent's hands: git in its working tree is the sandbox's, and so is the git directory. */
export function agentScene(scene: Scene, mount: WorkspaceMount): Scene {
  const directory = mount.gitFile?.directory ?? "";
  const run = (file: string, args: readonly string[], options: RunOptions = {}): ReturnType<typeof spawnSync> => {
    const { cwd = scene.repository, input = "", environment = {} } = options;
    const isInside = cwd === scene.workspace || cwd.startsWith(`${scene.workspace}/`);
    const at = { root: scene.root, workspacePath: scene.workspace, home: join(scene.root, "inside", "home"), cwd };
    const [program, ...rest] = isInside ? [...enterCommand(mount, at), file] : [file];
    // Whoever prepares the repository may know what the agent has committed.
    const objects = isInside ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: join(directory, "objects") };
    const who = isInside ? identity : {};
    const env = { ...scene.environment, ...objects, ...who, ...environment };
    return spawnSync(program ?? "", [...rest, ...args], { cwd: isInside ? "/" : cwd, env, input, timeout: 10_000 });
  };
  const program: Scene["program"] = (file, args, options) => {
    const { stdout, stderr } = run(file, args, options);
    return { output: `${String(stdout)}${String(stderr)}` };
  };
  return {
    ...scene,
    agentDirectory: directory,
    program,
    plain: (args, options) => program("git", args, options),
    git: (args, cwd) => {
      const { status, stdout, stderr } = run("git", args, { cwd });
      if (status !== 0) throw new Error(`git ${args.join(" ")}: ${String(stderr)}`);
      return String(stdout);
    },
  };
}
