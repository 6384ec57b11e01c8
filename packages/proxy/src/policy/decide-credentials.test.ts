import { describe, expect, it } from "vitest";

import { connectTo, decideOn, engine, outcome } from "./decide.fixture.ts";
import type { SessionPolicy } from "./proxy-types.ts";

const open: Partial<SessionPolicy> = { network: "open" };
const host: Partial<SessionPolicy> = { network: "open", isIsolated: false };

describe("requests and their credential", () => {
  it.each([
    ["https://api.anthropic.com/v1/messages", "inject anthropic"],
    ["https://api.openai.com/v1/responses", "inject openai"],
    ["https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", "inject gemini"],
    ["https://api.github.com/user", "inject github"],
    ["https://github.com/acme/app.git/info/refs?service=git-upload-pack", "inject github"],
    ["https://github.com/acme/app/releases/download/v1/a.tgz", "forward drops"],
    ["https://npm.example.com/left-pad", "inject npm"],
    ["https://pypi.org/simple/requests/", "forward drops"],
    ["https://chatgpt.com/backend-api/codex/responses", "inject codex-access"],
    ["https://chatgpt.com/", "forward drops"],
    ["https://eu.sentry.example/api/0/projects", "inject sentry"],
    ["https://eu.sentry.example/settings", "forward drops"],
  ])("%s → %s", (url, expected) => {
    expect(outcome({ url })).toBe(expected);
  });

  it.each([
    [{ "x-api-key": "sk-ant-api03-clauderon-anthropic-placeholder" }, "inject anthropic"],
    [{ authorization: "Bearer sk-ant-oat01-clauderon-oauth-placeholder" }, "inject claude-oauth"],
    [{ authorization: "Bearer anything" }, "inject claude-oauth"],
    [{ "X-Api-Key": "anything" }, "inject anthropic"],
    [{}, "inject anthropic"],
  ])("two rules of one host: %j → %s", (headers, expected) => {
    expect(outcome({ method: "POST", url: "https://api.anthropic.com/v1/messages", headers })).toBe(expected);
  });

  it("a rule without its secret gives way to one that has it, in a sandbox", () => {
    const using = engine(["anthropic"]);
    const request = { url: "https://api.anthropic.com/v1/models", headers: { authorization: "Bearer own" } };
    expect(outcome(request, {}, using)).toBe("inject anthropic");
    expect(outcome(request, host, using)).toBe("forward");
  });

  it.each([
    ["https://api.anthropic.com/v1/messages", "POST"],
    ["https://api.openai.com/v1/responses", "POST"],
    ["https://api.github.com/repos/a/b/issues", "POST"],
    ["https://npm.example.com/left-pad", "PUT"],
    ["https://upload.pypi.org/legacy/", "POST"],
    ["https://uploads.github.com/repos/a/b/releases/1/assets", "POST"],
  ])("P30 without the secret %s (%s) is refused in a sandbox and passes on the host", (url, method) => {
    expect(outcome({ url, method }, {}, engine([]))).toBe("403 secret-missing");
    expect(outcome({ url, method, headers: { authorization: "Bearer own" } }, host, engine([]))).toBe("forward");
  });

  it.each([
    "https://npm.example.com/left-pad",
    "https://api.github.com/repos/a/b",
    "https://github.com/a/b.git/info/refs?service=git-upload-pack",
  ])("without the secret reading %s goes on, without anyone's credential", (url) => {
    expect(outcome({ url, headers: { authorization: "Bearer attacker" } }, {}, engine([]))).toBe("forward drops");
  });

  it("a fetch without the secret goes on", () => {
    expect(outcome({ method: "POST", url: "https://github.com/a/b.git/git-upload-pack" }, {}, engine([]))).toBe(
      "forward drops",
    );
  });

  it.each([
    "https://files.pythonhosted.org/x",
    "https://registry-1.docker.io/v2/a/blobs/uploads/",
    "https://pypi.org/legacy/",
    "https://objects.githubusercontent.com/x",
    "https://github.com/session",
  ])("P28 writing to %s, which takes no credential of ours, is refused in a sandbox", (url) => {
    expect(outcome({ method: "POST", url, headers: { authorization: "Bearer attacker" } })).toBe("403 secret-missing");
  });

  it.each(["https://140.82.121.4/user", "https://[2606:50c0:8000::154]/user", "https://104.18.32.47/v1/messages"])(
    "P22 %s, an address of a host with a credential, gets none",
    (url) => {
      expect(outcome({ url }, open)).toBe("forward");
      expect(decideOn({ url }, open)).not.toHaveProperty("rule");
    },
  );

  it.each([
    "http://api.github.com/user",
    "http://api.anthropic.com/v1/models",
    "http://api.github.com:80/user",
    "http://npm.example.com/a",
  ])("P24 plain %s gets no credential", (url) => {
    expect(outcome({ url }, open)).toBe("forward");
    expect(outcome({ url })).toBe("403 host-not-allowed");
  });

  it("P24 plain HTTP at the port of HTTPS is not the rule's either", () => {
    expect(outcome({ url: "http://api.github.com:443/user" })).toBe("403 host-not-allowed");
  });

  it("P24 a method that the rule does not name gets no credential", () => {
    expect(outcome({ method: "POST", url: "https://eu.sentry.example/api/0" })).toBe("inject sentry");
    expect(outcome({ method: "PUT", url: "https://eu.sentry.example/api/0" })).toBe("forward drops");
  });

  it.each([
    "https://api.github.com:8443/user",
    "https://api.anthropic.com:444/v1/messages",
    "http://api.github.com:443/user",
    "https://api.github.com:80/user",
  ])("P24 %s, not the rule's port or scheme, gets no credential", (url) => {
    const { port } = new URL(url);
    const allow = [`${new URL(url).hostname}:${port === "" ? 443 : port}`];
    expect(outcome({ url }, { ...open, allow })).toBe("forward");
  });

  it.each([
    ["https://evil.example:443", "tunnel", "403 host-not-allowed"],
    ["https://api.github.com.evil.example:443", "tunnel", "403 host-not-allowed"],
    ["https://169.254.169.254:80", "403 address-denied", "403 address-denied"],
    ["https://[::1]:443", "403 address-denied", "403 address-denied"],
    ["https://api.github.com:8443", "403 port-not-allowed", "403 host-not-allowed"],
    ["https://140.82.121.4:443", "tunnel", "403 host-not-allowed"],
  ])(
    "P25 after a redirect to %s the client comes without a credential: %s, listed: %s",
    (url, whenOpen, whenListed) => {
      const target = url.slice("https://".length);
      expect(connectTo(target, open)).toBe(whenOpen);
      expect(connectTo(target)).toBe(whenListed);
    },
  );

  it("P25 a redirect from https to http of the same host leaves the credential behind", () => {
    expect(outcome({ url: "http://api.github.com/user" }, open)).toBe("forward");
  });
});
