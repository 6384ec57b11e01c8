import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

import { checkSecretValue, readPrivateFile, type SecretReading } from "./secret-file.ts";

const authFile = z.object({ tokens: z.object({ access_token: z.string() }).nullish() });
const longestFile = 1024 * 1024;

/** The access token of the Codex CLI's own login on this machine, which that CLI renews. */
export function readCodexLogin(path: string): SecretReading {
  const file = readPrivateFile(path, longestFile);
  if (file.kind !== "bytes") return file;
  const token = accessToken(Buffer.from(file.bytes).toString("utf8"), path);
  return token === undefined ? { kind: "missing" } : checkSecretValue(Buffer.from(token), path);
}

function accessToken(text: string, path: string): string | undefined {
  try {
    return authFile.parse(parseJson(text, path)).tokens?.access_token;
  } catch {
    // Half-written while Codex renews it, or of another version: the same as no login.
    return undefined;
  }
}
