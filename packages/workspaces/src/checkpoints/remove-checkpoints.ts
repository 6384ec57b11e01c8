import { basename, join } from "node:path";

import { releaseObjects } from "../keep-objects.ts";
import { fileNameOf } from "../workspace-claims.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkpointPlaces, checkpointRef, recordFile } from "./checkpoint-record.ts";
import { openStore } from "./checkpoint-store.ts";
import { recordsOf, sessionsWithCheckpoints } from "./read-checkpoints.ts";

/** Gives them up. What others need of them is put aside before it is let go. Idempotent. */
export async function removeCheckpoints(
  tools: WorkspaceTools,
  sessionId: string,
  ids: readonly string[],
): Promise<void> {
  const { fileSystem } = tools;
  const places = checkpointPlaces(tools, sessionId);
  for (const id of ids) {
    const file = recordFile(tools, sessionId, id);
    if ((await fileSystem.kindOf(file)) === "absent") continue;
    await fileSystem.makeDirectory(places.released);
    await fileSystem.rename(file, join(places.released, basename(file)));
  }
  if ((await fileSystem.kindOf(places.records)) === "directory") await fileSystem.sync(places.records);
  await finishRemovals(tools, sessionId);
}

/** Lets go what removals and failed creations have left. What cannot be now is by the next call. */
export async function finishRemovals(tools: WorkspaceTools, sessionId: string): Promise<void> {
  const { fileSystem, logger } = tools;
  const places = checkpointPlaces(tools, sessionId);
  const names = await fileSystem.names(places.released);
  if (names.length === 0) return;
  try {
    const kept = await recordsOf(tools, sessionId);
    const ids = new Set(kept.map(({ id }) => `${fileNameOf(id)}.json`));
    const gone = names.filter((name) => !ids.has(name));
    // A record that is there is of a creation that was cut off after it had succeeded.
    for (const name of names) if (ids.has(name)) await fileSystem.remove(join(places.released, name));
    if (gone.length === 0) return;
    await fileSystem.remove(places.known);
    const commonDirectory = kept[0]?.commonDirectory;
    if (commonDirectory !== undefined) {
      const store = await openStore(tools, { sessionId, commonDirectory });
      await store.repack(kept);
    }
    for (const name of gone) {
      const marker = join(places.released, name);
      const repository = /"commonDirectory":"((?:[^"\\]|\\.)*)"/u.exec((await fileSystem.readText(marker)) ?? "")?.[1];
      const id = name.replace(/\.json$/u, "");
      if (repository !== undefined)
        await releaseObjects(tools, JSON.parse(`"${repository}"`) as string, checkpointRef(id));
      await fileSystem.remove(marker);
    }
    if ((await fileSystem.names(places.records)).length === 0) await fileSystem.remove(places.directory);
  } catch (error) {
    logger.warn({ sessionId, error: String(error) }, "what a deleted checkpoint took stays until the next look");
  }
}

/** All that a session has. */
export async function removeAllCheckpoints(tools: WorkspaceTools, sessionId: string): Promise<void> {
  const places = checkpointPlaces(tools, sessionId);
  if ((await tools.fileSystem.kindOf(places.directory)) === "absent") return;
  const names = (await tools.fileSystem.names(places.records)).filter((name) => name.endsWith(".json"));
  await removeCheckpoints(
    tools,
    sessionId,
    names.map((name) => name.replace(/\.json$/u, "")),
  );
  await tools.fileSystem.remove(places.directory);
}

/** What was cut off. */
export async function sweepCheckpoints(tools: WorkspaceTools): Promise<void> {
  for (const sessionId of await sessionsWithCheckpoints(tools)) await finishRemovals(tools, sessionId);
}

/** The workspace is another session's from now on. Idempotent. */
export async function handOver({ fileSystem, homeDirectory }: WorkspaceTools, from: string, to: string): Promise<void> {
  const [source, place] = [from, to].map((id) => checkpointPlaces({ homeDirectory }, id).directory);
  if (source === undefined || place === undefined || source === place) return;
  if ((await fileSystem.kindOf(source)) !== "directory" || (await fileSystem.kindOf(place)) !== "absent") return;
  await fileSystem.rename(source, place);
}
