import { createHash } from "node:crypto";
import { join } from "node:path";

import type { WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { privatePlaces } from "./private-places.ts";
import { wasUsedInside } from "./was-used-inside.ts";

/** More than these are not looked at: then nothing can be said, and it counts as changed. */
const MAX_ENTRIES = 100_000;

/** Where commits and what is staged are named, and told of. */
const looked = ["HEAD", "packed-refs", "index", "refs", "logs"];

/** What a sync writes there itself. */
const ours: ReadonlySet<string> = new Set([
  "refs/clauderon",
  "refs/remotes/host",
  "logs/refs/clauderon",
  "logs/refs/remotes/host",
]);

/**
 * Differs when git has written references or the index of the sandbox's git directory. Only names, sizes and times are looked at; nothing in it is
 * read, and no link is followed.
 */
export async function stampInside(
  { fileSystem }: WorkspaceTools,
  record: WorkspaceRecord,
): Promise<string | undefined> {
  const { inside } = privatePlaces(record);
  const hash = createHash("sha256");
  const waiting = [...looked];
  for (let count = 0; waiting.length > 0; count += 1) {
    if (count > MAX_ENTRIES) return undefined;
    // Bytes, held one per character.
    const name = waiting.pop() ?? "";
    if (ours.has(name)) continue;
    const place = Buffer.concat([Buffer.from(`${inside}/`), Buffer.from(name, "latin1")]);
    const kind = await fileSystem.kindOf(place);
    if (kind === "absent") continue;
    if (kind === "directory") {
      for (const child of (await fileSystem.byteNames(place)).toSorted()) waiting.push(`${name}/${child}`);
    } else hash.update(`${name}\0${kind}\0${await fileSystem.stampOf(place)}\0`);
  }
  return hash.digest("hex");
}

/** Notes how the sandbox's git directory was when everything in it came out; without a stamp it counts as changed. */
export async function noteInside(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  stamp: string | undefined,
): Promise<void> {
  await tools.fileSystem.replaceDurably(join(privatePlaces(record).directory, "came-out"), stamp ?? "");
}

/** Whether there may be something in the sandbox's git directory that did not come out. */
export async function isBehindInside(tools: WorkspaceTools, record: WorkspaceRecord): Promise<boolean> {
  const { directory, inside } = privatePlaces(record);
  if ((await tools.fileSystem.kindOf(inside)) === "absent") return false;
  const noted = await tools.fileSystem.readText(join(directory, "came-out"));
  // Nothing came out yet.
  if (noted === undefined) return wasUsedInside(tools, record);
  return noted === "" || noted !== (await stampInside(tools, record));
}
