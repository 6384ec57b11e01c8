import { describe, expect, it } from "vitest";

import { vendorWrites, webSocketRoutes } from "../attacks/tables/read-only.fixture.ts";
import { engine, outcome, type RequestText } from "../policy/decide.fixture.ts";
import type { SessionPolicy } from "../policy/proxy-types.ts";

const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };
const ro = (text: RequestText, policy: Partial<SessionPolicy> = {}): string =>
  outcome(text, { ...readOnly, ...policy });
const api = "https://api.github.com";

describe("models in a read-only session", () => {
  it.each([
    ["https://api.anthropic.com/v1/messages", "inject anthropic"],
    ["https://api.anthropic.com/v1/messages?beta=true", "inject anthropic"],
    ["https://api.anthropic.com/v1/messages/count_tokens", "inject anthropic"],
    ["https://api.anthropic.com/api/event_logging/v2/batch", "inject anthropic"],
    ["https://api.openai.com/v1/responses", "inject openai"],
    ["https://api.openai.com/v1/chat/completions", "inject openai"],
    ["https://api.openai.com/v1/embeddings", "inject openai"],
    ["https://chatgpt.com/backend-api/codex/responses", "inject codex-access"],
    [
      "https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
      "inject gemini",
    ],
    ["https://generativelanguage.googleapis.com/v1beta/models/gemini-3.8-flash:countTokens", "inject gemini"],
  ])("models stay usable: POST %s", (url, expected) => {
    expect(ro({ method: "POST", url })).toBe(expected);
  });

  it.each(vendorWrites)("P53 a write is refused: %s %s", (method, url) => {
    expect(ro({ method, url })).toBe("403 read-only");
  });

  it.each([
    ["POST", "https://npm.example.com/-/npm/v1/security/advisories/bulk", "inject npm"],
    ["GET", "https://npm.example.com/@scope%2fname", "inject npm"],
    ["GET", "https://npm.example.com/-/npm/v1/tokens", "403 read-only"],
    ["GET", "https://pypi.org/simple/requests/", "forward drops"],
    ["GET", "https://registry-1.docker.io/v2/library/alpine/manifests/latest", "forward drops"],
  ])("registries: %s %s → %s", (method, url, expected) => {
    expect(ro({ method, url })).toBe(expected);
  });

  it.each(["pull", "pull,push", "push", "*", "pull,delete", "PUSH", "pull%2Cpush"])(
    "P53 a registry's token for the actions %s",
    (actions) => {
      const using = engine(undefined, { canReplaceAnswers: true });
      const text = { url: `https://ghcr.io/token?service=ghcr.io&scope=repository:a/b:${actions}` };
      expect(outcome(text, readOnly, using)).toBe(actions === "pull" ? "inject github answer" : "403 read-only");
    },
  );

  it.each(webSocketRoutes)("P54 a WebSocket to %s → %s", (url, expected) => {
    expect(ro({ url, isUpgrade: true, headers: { connection: "Upgrade", upgrade: "websocket" } })).toBe(expected);
  });

  it("P54 a WebSocket of a host without a rule is refused", () => {
    expect(ro({ url: "https://example.com/socket", isUpgrade: true }, { network: "open" })).toBe("403 read-only");
    expect(outcome({ url: "https://example.com/socket", isUpgrade: true }, { network: "open" })).toBe("forward");
  });

  it("P55 data in the text of a read cannot be stopped: it passes, and is stated as a limit", () => {
    expect(ro({ url: `${api}/search/code?q=${"exfiltrated".repeat(20)}` })).toBe("inject github");
  });
});
