import { createHash } from "node:crypto";
import { join } from "node:path";

import { objectOf, readIfThere, recordOf, textOf } from "./docker-config.ts";

/** The address of a context of the user's; `undefined` when there is no such context. */
export async function hostOfContext(directory: string, name: string): Promise<string | undefined> {
  const digest = createHash("sha256").update(name).digest("hex");
  const path = join(directory, "contexts", "meta", digest, "meta.json");
  const content = await readIfThere(path);
  if (content === undefined) return undefined;
  const { Endpoints: endpoints } = objectOf(content, path);
  return textOf(recordOf(recordOf(endpoints)["docker"])["Host"]);
}
