import { SettingsError } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

import { systemRoots } from "../certificates/ca-bundle.ts";
import { createPostJson, type PostJson } from "./post-json.ts";
import { checkSecretValue, readPrivateFile, type SecretReading } from "./secret-file.ts";
import { writeSecretFile } from "./write-secret-file.ts";

/** What {@link createCodexLogin} works with. */
export interface CodexLoginSettings {
  /** `~/.codex/auth.json`. */
  readonly path: string;
  readonly now: () => Date;
  /** Default: straight from this process to the vendor. */
  readonly post?: PostJson | undefined;
}

/** The login of the Codex CLI on this machine. */
export interface CodexLogin {
  /** The access token as the file has it. */
  read(): SecretReading;
  /** The access token, renewed when it is about to end. Many callers at once renew it once. */
  fresh(): Promise<SecretReading>;
}

// The public client of the Codex CLI and the endpoint it renews its login at (openai/codex, codex-rs/login).
const tokenUrl = "https://auth.openai.com/oauth/token";
const clientId = "app_EMoamEEZ73f0CkXaXp7hrann";
const renewBeforeMs = 5 * 60_000;
const failureFreshMs = 30_000;
const longestFile = 1024 * 1024;

const authFile = z.looseObject({
  tokens: z.looseObject({ access_token: z.string(), refresh_token: z.string().optional() }).nullish(),
});
const tokenAnswer = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  id_token: z.string().min(1).optional(),
});
const claims = z.looseObject({ exp: z.number() });

type AuthFile = z.infer<typeof authFile>;

/** Reads the login, and renews it in place as the Codex CLI does: its refresh token is good for one use, so nobody else may hold it. */
export function createCodexLogin(settings: CodexLoginSettings): CodexLogin {
  const { post = createPostJson(async () => ({ origins: {}, authorities: systemRoots() })) } = settings;
  let renewal: Promise<SecretReading> | undefined;
  let failure: { readonly until: number; readonly error: unknown } | undefined;
  const read = (): SecretReading => readingOf(readAuth(settings.path), settings.path);
  const renew = async (): Promise<SecretReading> => {
    try {
      return await renewLogin(settings, post);
    } catch (error) {
      failure = { error, until: settings.now().getTime() + failureFreshMs };
      throw error;
    } finally {
      renewal = undefined;
    }
  };
  return {
    read,
    fresh: async () => {
      const auth = readAuth(settings.path);
      const reading = readingOf(auth, settings.path);
      if (reading.kind !== "value" || auth.kind !== "auth") return reading;
      const endsAt = endOf(reading.value);
      const leftMs = endsAt - settings.now().getTime();
      if (leftMs > renewBeforeMs || auth.file.tokens?.refresh_token === undefined) return reading;
      const isFailing = failure !== undefined && failure.until > settings.now().getTime();
      if (isFailing && leftMs > 0) return reading;
      if (isFailing) throw failure?.error;
      renewal ??= renew();
      if (leftMs <= 0) return renewal;
      // Still good for minutes: a renewal that fails now is tried again.
      return renewal.catch(() => reading);
    },
  };
}

type AuthReading =
  | { readonly kind: "auth"; readonly file: AuthFile }
  | Exclude<SecretReading, { readonly kind: "value" }>;

function readAuth(path: string): AuthReading {
  const file = readPrivateFile(path, longestFile);
  if (file.kind !== "bytes") return file;
  try {
    return { kind: "auth", file: authFile.parse(parseJson(Buffer.from(file.bytes).toString("utf8"), path)) };
  } catch {
    // Half-written while Codex renews it, or of another version: the same as no login.
    return { kind: "missing" };
  }
}

function readingOf(auth: AuthReading, path: string): SecretReading {
  if (auth.kind !== "auth") return auth;
  const token = auth.file.tokens?.access_token;
  return token === undefined ? { kind: "missing" } : checkSecretValue(Buffer.from(token), path);
}

async function renewLogin({ path, now }: CodexLoginSettings, post: PostJson): Promise<SecretReading> {
  const before = tokensOf(readAuth(path));
  const answer = await post(tokenUrl, {
    client_id: clientId,
    grant_type: "refresh_token",
    refresh_token: before?.refresh_token,
    scope: "openid profile email",
  }).catch((error: unknown) => ({ status: 0, text: error instanceof Error ? error.message : String(error) }));
  const auth = readAuth(path);
  const current = tokensOf(auth);
  if (auth.kind !== "auth" || current === undefined || current.access_token !== before?.access_token) {
    // The Codex CLI renewed it, or logged out, in the meantime: its file counts.
    return readingOf(auth, path);
  }
  const renewed = answer.status === 200 ? parseAnswer(answer.text) : undefined;
  if (renewed === undefined) throw notRenewed(answer.status);
  const tokens = {
    ...current,
    access_token: renewed.access_token,
    refresh_token: renewed.refresh_token ?? current.refresh_token,
    ...(renewed.id_token === undefined ? {} : { id_token: renewed.id_token }),
  };
  const file = { ...auth.file, tokens, last_refresh: now().toISOString() };
  await writeSecretFile(path, JSON.stringify(file, undefined, 2));
  return checkSecretValue(Buffer.from(renewed.access_token), path);
}

function tokensOf(auth: AuthReading): NonNullable<AuthFile["tokens"]> | undefined {
  return auth.kind === "auth" ? (auth.file.tokens ?? undefined) : undefined;
}

function parseAnswer(text: string): z.infer<typeof tokenAnswer> | undefined {
  try {
    return tokenAnswer.parse(parseJson(text, tokenUrl));
  } catch {
    // The caller says that the login was not renewed; the text may hold a token and is not shown.
    return undefined;
  }
}

/** When a JSON web token ends; never, for a token that does not say it. */
function endOf(token: string): number {
  try {
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
    return claims.parse(parseJson(payload, "the token")).exp * 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function notRenewed(status: number): SettingsError {
  return new SettingsError({
    message: "The ChatGPT login of Codex has ended and could not be renewed",
    why: status === 0 ? "auth.openai.com did not answer" : `auth.openai.com answered with ${status}`,
    fix: ["log in again on this machine: codex login"],
    context: { status },
  });
}
