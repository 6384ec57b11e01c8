import { join } from "node:path";

import type { BackendCapabilities } from "../../contract/backend-capabilities.ts";
import type { SandboxSpec } from "../../contract/sandbox-spec.ts";
import { noPowers } from "../../contract/unsupported-powers.ts";

/** How the sandbox meets the machine: the three kinds that backends come in. */
export type FakeShape = "host" | "container" | "remote";

const powers = {
  ...noPowers,
  terminal: "bytes",
} as const;

/** `isolation` says what a backend of that kind would promise, so that callers treat the fake as they would treat it. */
export const fakeCapabilities: Readonly<Record<FakeShape, BackendCapabilities>> = {
  host: { ...powers, isolation: "none", workspace: "host" },
  container: { ...powers, isolation: "container", workspace: "mounted" },
  remote: { ...powers, isolation: "vm", workspace: "remote" },
};

/** Where a sandbox's things are. */
export interface FakePlaces {
  readonly workspacePath: string;
  /** What its files cannot leave. */
  readonly filesRoot: string;
  /** To be made with the sandbox. */
  readonly directories: readonly string[];
  /** The git directory of its own, to be made with the sandbox. */
  readonly gitDirectory?: string | undefined;
}

/** `directory` is the sandbox's own below the home; `hostPath` the workspace on this machine, always there but for `remote`. */
export function fakePlaces(shape: FakeShape, directory: string, hostPath: string | undefined): FakePlaces {
  const home = join(directory, "home");
  if (shape === "remote" || hostPath === undefined) {
    const filesRoot = join(directory, "root");
    const workspacePath = join(filesRoot, "workspace");
    return { workspacePath, filesRoot, directories: [workspacePath, home] };
  }
  const places = { workspacePath: hostPath, filesRoot: hostPath };
  if (shape === "host") return { ...places, directories: [] };
  return { ...places, directories: [home], gitDirectory: join(directory, "git") };
}

/** The whole environment of a sandbox's processes, from the spec's. */
export function fakeEnvironment(
  shape: FakeShape,
  options: {
    readonly directory: string;
    readonly places: FakePlaces;
    readonly spec: Pick<SandboxSpec, "environment" | "workspace">;
  },
): Readonly<Record<string, string>> {
  const { directory, places, spec } = options;
  if (shape === "host") return spec.environment;
  const image = {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: join(directory, "home"),
    LANG: "C.UTF-8",
  };
  const gitDirectory = spec.workspace.gitFile?.directory ?? places.gitDirectory;
  const git = gitDirectory === undefined ? {} : { GIT_DIR: gitDirectory, GIT_WORK_TREE: places.workspacePath };
  return { ...image, ...git, ...spec.environment };
}
