import type { Fired, Scene } from "./scene.ts";

/** One way in which a repository, or an agent in its worktree, makes git run a program or leave its place. */
export interface Vector {
  readonly name: string;
  /** Settings that do it: armed in the repository's configuration, and in the proof also in a worktree's own and in an included file. */
  readonly settings?: ((scene: Scene) => string) | undefined;
  /** Made by whoever prepared the repository, before the session. */
  arm?(scene: Scene): void;
  /** Made by the agent in the session's worktree (`scene.workspace`). */
  armWorkspace?(scene: Scene): void;
  /** Given to the daemon by whoever started it. */
  environment?(scene: Scene): Readonly<Record<string, string>>;
  /** What a user does that sets it off. Returns what shows when no program is run but something is read. */
  fire(scene: Scene): Fired | undefined;
  /** The agent's commit has to outlive the session. */
  readonly holdsCommit?: boolean | undefined;
  /** It leaves nothing to do for another vector in the same repository. */
  readonly isAlone?: boolean | undefined;
  /** Operations that refuse such a repository; all others have to succeed. */
  readonly refused?: readonly Operation[] | undefined;
}

export const operations = [
  "resolve",
  "changes",
  "create",
  "status",
  "diff",
  "pushUrl",
  "list",
  "resolveWorkspace",
  "rollBack",
  "merge",
  "sync",
  "checkpoint",
  "apply",
  "takeBack",
  "borrow",
  "archive",
  "refuseDelete",
  "delete",
  "undo",
  "reconcile",
  "deleteForGood",
  "clone",
] as const;

export type Operation = (typeof operations)[number];

/** A vector that is a git command in the repository with settings, after two files were changed. */
export function setting(
  name: string,
  settings: (trap: string, scene: Scene) => string,
  command: readonly string[] | ((scene: Scene) => Fired),
): Vector {
  return {
    name,
    settings: (scene) => settings(scene.trap, scene),
    fire: (scene) => {
      change(scene, scene.repository);
      return typeof command === "function" ? command(scene) : scene.plain(command);
    },
  };
}

/** What an agent does all day. */
export function change(scene: Scene, directory: string): void {
  scene.write(`${directory}/data.evil`, "changed\n");
  scene.write(`${directory}/b.txt`, "changed\n");
  scene.write(`${directory}/new.txt`, "new\n");
}
