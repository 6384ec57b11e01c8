import { setTimeout as delay } from "node:timers/promises";

import type { OnCreationProgress } from "../contract/creation-progress.ts";
import { creationSchema } from "../wire/progress-schema.ts";
import type { HttpClient } from "./http-client.ts";

const LOOK_MS = 400;

/** Tells how far a creation is, a few times a second until `ended`. Never rejects: the creation itself says what is wrong. */
export async function watchCreation(
  http: HttpClient,
  {
    key,
    ended,
    onProgress,
  }: { readonly key: string; readonly ended: AbortSignal; readonly onProgress: OnCreationProgress },
): Promise<void> {
  const path = `/api/creations/${encodeURIComponent(key)}`;
  let told = "";
  for (;;) {
    try {
      await delay(LOOK_MS, undefined, { signal: ended, ref: false });
      const { progress } = await http.json({ method: "GET", path, isRepeatable: true, signal: ended }, creationSchema);
      if (progress === undefined || JSON.stringify(progress) === told || ended.aborted) continue;
      told = JSON.stringify(progress);
      onProgress(progress);
    } catch {
      // A daemon that is being replaced, or of an earlier release, says nothing of it.
      if (ended.aborted) return;
    }
  }
}
