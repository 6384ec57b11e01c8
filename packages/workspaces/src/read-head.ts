import type { Git } from "./git.ts";

export interface Head {
  /** Absent on a branch without commits. */
  readonly commit: string | undefined;
  /** Full name of the branch that is checked out, with or without commits; absent when detached. */
  readonly ref: string | undefined;
}

/** What a git directory has checked out; nothing where there is none that git can read. */
export async function readHead(
  { git }: { readonly git: Pick<Git, "inspect"> },
  gitDirectory: string,
  signal?: AbortSignal,
): Promise<Head> {
  const ask = async (args: readonly string[]): Promise<string | undefined> => {
    const { exitCode, stdout } = await git.inspect([`--git-dir=${gitDirectory}`, ...args], {
      signal,
      accepts: [0, 1, 128],
    });
    return exitCode === 0 ? stdout.replace(/\n$/u, "") : undefined;
  };
  const ref = await ask(["symbolic-ref", "--quiet", "HEAD"]);
  const commit = await ask(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  return { commit, ref: ref?.startsWith("refs/heads/") === true ? ref : undefined };
}

/** Of `refs/heads/…`. */
export function shortName(ref: string | undefined): string | undefined {
  return ref?.replace(/^refs\/heads\//u, "");
}
