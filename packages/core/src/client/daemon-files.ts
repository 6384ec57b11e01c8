import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { RequestError } from "../contract/errors/request-error.ts";
import { daemonFileSchema, type DaemonFile } from "../wire/daemon-schema.ts";
import { parseJson } from "../wire/parse-json.ts";

/** Where a home's daemon answers, by its own word; `undefined` when it left none. Whether it still runs is another question. */
export async function readDaemonFile(homeDirectory: string): Promise<DaemonFile | undefined> {
  try {
    return parseJson(await readFile(join(homeDirectory, "daemon.json"), "utf8"), daemonFileSchema);
  } catch {
    // Missing, unreadable or damaged is the same to the reader: nothing is known about a daemon.
    return undefined;
  }
}

/** The token of a home. Rejects with `authentication.required` when it cannot be read. */
export async function readToken(homeDirectory: string): Promise<string> {
  const path = join(homeDirectory, "token");
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new RequestError({
      code: "authentication.required",
      message: `The daemon's token ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: ["have a new one made: clauderon daemon restart"],
      context: { path },
      cause: error,
    });
  }
}
