import { readdirSync } from "node:fs";
import { join } from "node:path";

import { type Fixture, made, type Made } from "./git-fixture.ts";

/** The names of all objects that can be read from a git directory, reachable or not. */
export function everyObject(world: Fixture, gitDirectory: string): ReadonlySet<string> {
  const args = [`--git-dir=${gitDirectory}`, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
  return new Set(world.git(args, world.root).split("\n").filter(Boolean));
}

/** The content of all files that can be read from a git directory. */
export function everyBlob(world: Fixture, gitDirectory: string): readonly string[] {
  return [...everyObject(world, gitDirectory)].flatMap((object) => {
    const of = (args: readonly string[]): string => world.git([`--git-dir=${gitDirectory}`, ...args], world.root);
    return of(["cat-file", "-t", object]) === "blob\n" ? [of(["cat-file", "blob", object])] : [];
  });
}

/** Commits a file; gives the commit. */
export function commitFile(
  world: Fixture,
  files: Readonly<Record<string, string>>,
  cwd: string = world.repository,
): string {
  world.write(files, cwd);
  world.git(["add", "--", ...Object.keys(files)], cwd);
  world.git(["commit", "--quiet", "-m", Object.keys(files).join(" ")], cwd);
  return world.git(["rev-parse", "HEAD"], cwd).trim();
}

/** All generations there are. */
export function generations(world: Fixture): readonly string[] {
  const repositories = join(world.home, "repositories");
  return names(repositories)
    .flatMap((mirror) => names(join(mirror, "generations")))
    .toSorted();
}

/** What is being made, or was when a process died. */
export function halves(world: Fixture): readonly string[] {
  return names(join(world.home, "repositories")).flatMap((mirror) => names(join(mirror, "making")));
}

function names(path: string): readonly string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    return [];
  }
}

export interface Borrowed {
  readonly made: Made;
  readonly directory: string;
}

/** A session with what it borrows. */
export async function borrowed(
  world: Fixture,
  name: string,
  options: NonNullable<Parameters<typeof made>[1]> = {},
): Promise<Borrowed> {
  const whole = await made(world, { name, ...options });
  const { commonDirectory, base } = whole.record;
  const { mirrors } = world.provider;
  const request = { sessionId: whole.request.sessionId, commonDirectory, commits: [base] };
  return { made: whole, directory: (await mirrors.borrow(request)).directory };
}
