import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { maxSetupScriptBytes, setupHash, setupScriptPath } from "./setup-trust.ts";

/** A repository's own setup script, as it lies in a checkout. */
export interface SetupScript {
  /** Root of the checkout. */
  readonly repository: string;
  readonly path: string;
  readonly content: Uint8Array;
  readonly hash: string;
}

/** Of the checkout that the path is in; `undefined` when there is none, or no script that would be run. */
export async function findSetupScript(path: string): Promise<SetupScript | undefined> {
  const repository = await checkoutOf(resolve(path));
  if (repository === undefined) return undefined;
  const place = join(repository, setupScriptPath);
  if ((await statusOf(place))?.isFile() !== true) return undefined;
  await using file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const { size } = await file.stat();
  if (size > maxSetupScriptBytes) return undefined;
  const content = await file.readFile();
  return { repository, path: place, content, hash: setupHash(content) };
}

async function checkoutOf(path: string): Promise<string | undefined> {
  for (let place = path; ; place = dirname(place)) {
    if ((await statusOf(join(place, ".git"))) !== undefined) return place;
    if (dirname(place) === place) return undefined;
  }
}

async function statusOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  // What cannot be looked at is as good as not there: the user is told that there is no script.
  return lstat(path).catch(() => undefined);
}
