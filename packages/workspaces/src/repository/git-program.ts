import { join, resolve, dirname } from "node:path";

import { CommandError } from "@clauderon/core/contract";

import type { Git } from "../git.ts";
import { quotePath } from "../own-git-directory.ts";
import { empty, emptyRemote, notARepository, notFound, unreachable } from "./repository-errors.ts";
import type { RepositoryPort } from "./repository-port.ts";

const CLONE_TIMEOUT_MS = 60 * 60 * 1000;
const PACK_TIMEOUT_MS = 6 * 60 * 60 * 1000;
const refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/clauderon/head"];

/** rev-parse prints options it does not know: a line that no path can be mistaken for parts the answers. */
const SEPARATOR = "--clauderon-next-answer";

/** What the packs are made by: the history as it is, not as a replacement shows it. */
const plainHistory = { GIT_NO_REPLACE_OBJECTS: "1", GIT_GRAFT_FILE: "/dev/null" };

/** The port by the git of this machine. */
export function createGitProgram(git: Git): RepositoryPort {
  return {
    locate: async ({ path, directory }, { signal } = {}) => {
      const questions = ["--git-dir", "--git-common-dir", "--is-bare-repository", "--show-cdup"].flatMap((question) => [
        question,
        SEPARATOR,
      ]);
      const args = ["rev-parse", "--path-format=absolute", ...questions, "--verify", "--quiet", "HEAD^{commit}"];
      const call = { cwd: directory, signal, accepts: [0, 1, 128] };
      const result = await git.act(args, call).catch((error: unknown) => {
        if (CommandError.isInstance(error, "command.failed"))
          throw notFound(path, "the directory cannot be entered", error);
        throw error;
      });
      const answers = result.stdout.split(`${SEPARATOR}\n`).map((answer) => answer.replace(/\n$/u, ""));
      const [gitDirectory, commonDirectory, isBare, cdup, head] = answers;
      if (result.exitCode === 128 || gitDirectory === undefined || commonDirectory === undefined)
        throw notARepository(path, args, result);
      if (result.exitCode === 1 || head === undefined || head === "") throw empty(path);
      const workTree = isBare === "true" ? undefined : workTreeOf(directory, gitDirectory, cdup ?? "");
      return { gitDirectory, commonDirectory, workTree, head };
    },
    listRefs: async (gitDirectory, { signal } = {}) => {
      const format = "--format=%(objectname) %(objecttype) %(refname) %(symref)";
      const args = [`--git-dir=${gitDirectory}`, "for-each-ref", format, "refs/heads", "refs/remotes", "refs/tags"];
      const { stdout } = await git.inspect(args, { signal });
      return stdout.split("\n").flatMap((line) => {
        const [object = "", type = "", name = "", target = ""] = line.split(" ");
        return name === "" ? [] : [{ object, type, name, target }];
      });
    },
    unreached: async ({ gitDirectory, lender, commits, tips }, { signal } = {}) => {
      const lent = lender === undefined ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(lender, "objects")) };
      const { stdout } = await git.inspect([`--git-dir=${gitDirectory}`, "rev-list", "--stdin"], {
        input: `${[...commits, ...tips.map((object) => `^${object}`)].join("\n")}\n`,
        environment: { ...plainHistory, ...lent },
        signal,
      });
      const found = new Set(stdout.split("\n"));
      return new Set(commits.filter((commit) => found.has(commit)));
    },
    pack: async ({ from, into, tips, without }, { signal } = {}) => {
      const input = [...tips, ...without.map((object) => `^${object}`)].join("\n");
      // Deltas are taken over as they are; none is looked for, which would take minutes of every processor.
      const args = ["pack-objects", "--quiet", "--revs", "--non-empty", "--delta-base-offset", "--window=0"];
      const { stdout } = await git.inspect([...args, join(into, "objects", "pack", "pack")], {
        cwd: "/",
        environment: { GIT_DIR: into, GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(join(from, "objects")) },
        input: `${input}\n`,
        signal,
        timeoutMs: PACK_TIMEOUT_MS,
      });
      const hash = stdout.trim();
      return hash === "" ? undefined : `pack-${hash}`;
    },
    remoteHead: async (url, { signal } = {}) => {
      const call = { cwd: "/", signal, accepts: [0, 1, 128] };
      const result = await git.act(["ls-remote", "--symref", "--", url, "HEAD"], call);
      if (result.exitCode !== 0) throw unreachable(url, result.stderr);
      const head = /^([0-9a-f]{40,64})\tHEAD$/mu.exec(result.stdout)?.[1];
      if (head === undefined) throw emptyRemote(url);
      return { head, branch: /^ref: refs\/heads\/(.+)\tHEAD$/mu.exec(result.stdout)?.[1] };
    },
    initialise: async ({ path, url, isSha256 }, { signal } = {}) => {
      const format = `--object-format=${isSha256 ? "sha256" : "sha1"}`;
      const call = { cwd: "/", signal };
      await git.act(["init", "--quiet", "--bare", "--template=", format, "--", path], call);
      await git.act([`--git-dir=${path}`, "remote", "add", "--", "origin", url], call);
    },
    fetch: async ({ path, url }, { signal } = {}) => {
      const args = [
        `--git-dir=${path}`,
        "fetch",
        "--quiet",
        "--prune",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "origin",
        ...refspecs,
      ];
      const result = await git.act(args, { cwd: "/", signal, timeoutMs: CLONE_TIMEOUT_MS, accepts: [0, 1, 128] });
      if (result.exitCode !== 0) throw unreachable(url, result.stderr);
      // Git wants HEAD to be a commit or below refs/heads, where sessions' own branches are.
      const move = ["update-ref", "--no-deref", "HEAD", "refs/clauderon/head"];
      await git.act([`--git-dir=${path}`, ...move], { cwd: "/", signal });
      const ask = ["rev-parse", "--verify", "refs/clauderon/head^{commit}"];
      return (await git.inspect([`--git-dir=${path}`, ...ask], { signal })).stdout.trim();
    },
  };
}

function workTreeOf(directory: string, gitDirectory: string, cdup: string): string {
  const isInGitDirectory = directory === gitDirectory || directory.startsWith(`${gitDirectory}/`);
  return isInGitDirectory ? dirname(gitDirectory) : resolve(directory, cdup);
}
