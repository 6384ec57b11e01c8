import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { allSecrets, connectTo, decideOn, engine, identity, outcome } from "./decide.fixture.ts";
import type { ProxyTarget, SessionPolicy } from "./proxy-types.ts";

const open: Partial<SessionPolicy> = { network: "open" };
const host: Partial<SessionPolicy> = { network: "open", isIsolated: false };
const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };

describe("CONNECT", () => {
  it.each([
    ["api.anthropic.com:443", "intercept"],
    ["github.com:443", "intercept"],
    ["eu.sentry.example:443", "intercept"],
    ["sentry.example:443", "403 host-not-allowed"],
    ["example.com:443", "403 host-not-allowed"],
    ["api.anthropic.com:80", "403 host-not-allowed"],
  ])("listed: %s → %s", (target, expected) => {
    expect(connectTo(target)).toBe(expected);
  });

  it.each([
    ["example.com:443", "tunnel"],
    ["example.com:80", "tunnel"],
    ["github.com:443", "intercept"],
    ["1.1.1.1:443", "tunnel"],
  ])("open: %s → %s", (target, expected) => {
    expect(connectTo(target, open)).toBe(expected);
  });

  it.each(["api.anthropic.com:443", "example.com:443", "1.1.1.1:443"])("none: %s is refused", (target) => {
    expect(connectTo(target, { network: "none" })).toBe("403 network-none");
    expect(connectTo(target, { network: "none", allow: ["example.com", "1.1.1.1"] })).toBe("403 network-none");
  });

  const locals = [
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
    "100.100.100.200:80",
    "168.63.129.16:80",
    "metadata.google.internal:80",
    "metadata.goog:80",
    "METADATA.google.internal.:443",
    "instance-data:80",
  ];
  it.each(locals)("P01 metadata %s is refused in every network mode", (target) => {
    for (const network of ["open", "listed"] as const) {
      expect(connectTo(target, { network })).toBe("403 address-denied");
      expect(connectTo(target, { network, accessMode: "read-only" })).toBe("403 address-denied");
      expect(connectTo(target, { network, allow: ["*.google.internal", "0.0.0.0/0", "::/0"] })).toBe(
        "403 address-denied",
      );
    }
  });

  it.each([
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://100.100.100.200/latest",
    "http://[fd00:ec2::254]/latest",
    "http://168.63.129.16/",
  ])("P01 absolute form %s is refused", (url) => {
    expect(outcome({ url }, open)).toBe("403 address-denied");
  });

  it.each([
    "127.0.0.1:80",
    "127.0.0.1:3030",
    "localhost:80",
    "LOCALHOST:80",
    "localhost.:80",
    "foo.localhost:80",
    "[::1]:80",
    "[::ffff:7f00:1]:443",
    "0.0.0.0:80",
    "[::]:80",
    "[64:ff9b::7f00:1]:443",
    "ip6-localhost:80",
    "printer.local:443",
  ])("P02 loopback %s is refused before anything is resolved", (target) => {
    expect(connectTo(target, open)).toBe("403 address-denied");
  });

  it.each([
    "host.docker.internal:3030",
    "gateway.docker.internal:3030",
    "host.containers.internal:3030",
    "kubernetes.docker.internal:6443",
    "172.17.0.1:3030",
    "192.168.65.7:2375",
  ])("P03 the way to the host %s is refused", (target) => {
    expect(connectTo(target, { ...open, allow: ["*.internal", "172.16.0.0/28"] })).toBe("403 address-denied");
  });

  it.each([
    "kubernetes.default.svc:443",
    "kubernetes:443",
    "etcd.kube-system.svc.cluster.local:2379",
    "10.96.0.1:443",
    "10.0.0.1:10250",
    "192.168.0.10:2376",
  ])("P04 cluster and engine endpoint %s is refused", (target) => {
    expect(connectTo(target, open)).toBe("403 address-denied");
  });

  it.each([22, 25, 110, 3306, 5432, 6379, 8080, 8443, 9418, 1, 65_535])(
    "P07 port %i of an allowed host is refused unless it is named",
    (port) => {
      expect(connectTo(`example.com:${port}`, open)).toBe("403 port-not-allowed");
      expect(connectTo(`github.com:${port}`, open)).toBe("403 port-not-allowed");
      expect(connectTo(`example.com:${port}`, { allow: ["example.com"] })).toBe("403 port-not-allowed");
      expect(connectTo(`example.com:${port}`, { allow: [`example.com:${port}`] })).toBe("tunnel");
      expect(connectTo("example.com:443", { allow: [`example.com:${port}`] })).toBe("403 port-not-allowed");
    },
  );

  it.each([
    ["github.com.evil:443"],
    ["evilgithub.com:443"],
    ["github.com.evil.example:443"],
    ["xgithub.com:443"],
    ["github.co:443"],
    ["api.github.com.evil:443"],
    ["evil.sentry.example.evil:443"],
    ["evilsentry.example:443"],
  ])("P09 %s is not the host of a rule", (target) => {
    expect(connectTo(target)).toBe("403 host-not-allowed");
    expect(connectTo(target, open)).toBe("tunnel");
  });

  it.each([
    ["a.example.com:443", "tunnel"],
    ["a.b.example.com:443", "tunnel"],
    ["example.com:443", "403 host-not-allowed"],
    ["evilexample.com:443", "403 host-not-allowed"],
    ["a.example.com.evil:443", "403 host-not-allowed"],
    ["a.example.com@evil:443", "400 target-malformed"],
  ])("P09 with *.example.com allowed, %s → %s", (target, expected) => {
    expect(connectTo(target, { allow: ["*.example.com"] })).toBe(expected);
  });

  it("P10 an empty allow-list allows nothing, and an entry that cannot be read opens nothing", () => {
    expect(connectTo("example.com:443", { allow: [] })).toBe("403 host-not-allowed");
    for (const entry of [
      "",
      "*",
      "*.",
      "*.com:0",
      "https://example.com",
      "example.com/",
      ".example.com",
      "exa*mple.com",
      "**.com",
    ]) {
      expect(connectTo("example.com:443", { allow: [entry] })).toBe("403 host-not-allowed");
    }
  });

  it("P10 an entry of deny that cannot be read refuses everything", () => {
    expect(connectTo("github.com:443", { deny: ["https://evil.example"] })).toBe("403 policy-unreadable");
  });

  it.each([
    ["github.com:443", ["github.com"]],
    ["api.github.com:443", ["*.github.com"]],
    ["a.example.com:443", ["*.example.com"]],
    ["a.example.com:8443", ["a.example.com"]],
    ["1.2.3.4:443", ["1.2.0.0/16"]],
  ])("deny is stronger than rule and allow: %s with %j", (target, deny) => {
    expect(connectTo(target, { ...open, deny, allow: ["*.example.com", "1.2.3.4", "a.example.com:8443"] })).toBe(
      "403 host-denied",
    );
  });

  it("deny with a port leaves the other ports", () => {
    expect(connectTo("example.com:80", { ...open, deny: ["example.com:443"] })).toBe("tunnel");
    expect(connectTo("example.com:443", { ...open, deny: ["example.com:443"] })).toBe("403 host-denied");
  });

  it("the user opens a local service by its exact name or address", () => {
    expect(connectTo("127.0.0.1:5432", { allow: ["127.0.0.1:5432"] })).toBe("tunnel");
    expect(connectTo("10.1.2.3:443", { allow: ["10.0.0.0/8"] })).toBe("tunnel");
    expect(connectTo("127.0.0.9:443", { allow: ["127.0.0.0/8"] })).toBe("403 address-denied");
    expect(connectTo("host.docker.internal:8080", { allow: ["host.docker.internal:8080"] })).toBe("tunnel");
  });

  it("the user's lists for every session count like the session's", () => {
    const using = engine(undefined, { lists: { allow: ["mirror.example"], deny: ["api.openai.com"] } });
    expect(connectTo("mirror.example:443", {}, using)).toBe("tunnel");
    expect(connectTo("api.openai.com:443", {}, using)).toBe("403 host-denied");
  });

  it("read-only: every host that is reached is looked into", () => {
    expect(connectTo("example.com:443", { ...open, ...readOnly })).toBe("intercept");
    expect(connectTo("example.com:8443", { ...readOnly, allow: ["example.com:8443"] })).toBe("intercept");
    expect(connectTo("example.com:80", { ...open, ...readOnly })).toBe("403 read-only");
  });

  it.each([
    ["api.anthropic.com:443", "tunnel"],
    ["github.com:443", "tunnel"],
    ["api.anthropic.com:80", "407 identity-missing"],
    ["example.com:443", "407 identity-missing"],
    ["127.0.0.1:3030", "407 identity-missing"],
    ["localhost:443", "407 identity-missing"],
    ["169.254.169.254:80", "407 identity-missing"],
    ["api.anthropic.com:22", "407 identity-missing"],
  ])("P31 without an identity: %s → %s", (target, expected) => {
    expect(connectTo(target, "anonymous")).toBe(expected);
  });

  it("P32 a session's new policy holds for its next request", () => {
    const using = engine();
    const target: ProxyTarget = { scheme: "tcp", host: "example.com", port: 443 };
    expect(using.decideConnect(identity(open), target).kind).toBe("tunnel");
    expect(using.decideConnect(identity(), target).kind).toBe("refuse");
  });
});

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

  it.each(["TRACE", "TRACK"])("P26 %s, which echoes the credential, is refused", (method) => {
    for (const policy of [{}, host, readOnly]) {
      expect(outcome({ method, url: "https://api.github.com/user" }, policy)).toBe("403 method-refused");
    }
  });

  it.each([
    ["POST", "https://api.github.com/app/installations/5/access_tokens"],
    ["POST", "https://api.github.com/APP/Installations/5/access_tokens/"],
    ["POST", "https://api.github.com/app/installations/5;x/access_tokens"],
    ["POST", "https://api.github.com/app%2Finstallations/5/access_tokens"],
    ["post", "https://api.github.com/app/installations/5/access_tokens"],
    ["POST", "https://api.github.com/app-manifests/c/conversions"],
    ["PATCH", "https://api.github.com/applications/x/token"],
    ["POST", "https://api.github.com/applications/x/token/scoped"],
    ["POST", "https://api.github.com/repos/a/b/actions/runners/registration-token"],
    ["POST", "https://api.github.com/orgs/a/actions/runners/generate-jitconfig"],
    ["POST", "https://api.github.com/repos/a/b/keys"],
    ["POST", "https://api.github.com/user/keys"],
    ["POST", "https://github.com/login/oauth/access_token"],
    ["POST", "https://github.com/login/device/code"],
    ["POST", "https://npm.example.com/-/npm/v1/tokens"],
    ["PUT", "https://npm.example.com/-/user/org.couchdb.user:x"],
    ["POST", "https://npm.example.com/-/v1/login"],
    ["GET", "https://npm.example.com/-/v1/done/x"],
    ["POST", "https://npm.example.com/-/npm/v1/oidc/token/exchange/package/x"],
    ["POST", "https://api.openai.com/v1/organization/admin_api_keys"],
    ["POST", "https://api.openai.com/v1/realtime/client_secrets"],
    ["POST", "https://api.openai.com/v1/chatkit/sessions"],
    ["POST", "https://auth.openai.com/oauth/token"],
    ["POST", "https://generativelanguage.googleapis.com/v1alpha/auth_tokens"],
    ["POST", "https://api.anthropic.com/api/oauth/claude_cli/create_api_key"],
  ])("P27 %s %s hands out a credential and is refused", (method, url) => {
    expect(outcome({ method, url })).toBe("403 token-route");
    expect(outcome({ method, url }, host)).toBe("403 token-route");
  });

  it("P27 a route whose answer is rewritten passes with the fields to rewrite", () => {
    const using = engine(undefined, { canReplaceAnswers: true });
    expect(outcome({ method: "POST", url: "https://auth.openai.com/oauth/token" }, host, using)).toBe("forward answer");
    expect(outcome({ url: "https://ghcr.io/token?scope=repository:a/b:pull" }, {}, using)).toBe("inject github answer");
    expect(outcome({ method: "POST", url: "https://npm.example.com/-/npm/v1/tokens" }, {}, using)).toBe(
      "403 token-route",
    );
  });

  it("P27 a login inside a sandbox is renewed here, with placeholders, and the host is not asked", () => {
    const answer = { status: 200, headers: { "content-type": "application/json" }, body: "{}" };
    const using = engine(undefined, { localAnswer: (ruleId) => (ruleId === "chatgpt-token" ? answer : undefined) });
    const verdict = decideOn({ method: "POST", url: "https://auth.openai.com/oauth/token" }, {}, using);
    expect(verdict).toMatchObject({ kind: "refuse", refusal: { status: 200, code: "answered-locally" }, answer });
    expect(outcome({ method: "GET", url: "https://auth.openai.com/oauth/token" }, {}, using)).toBe("403 token-route");
    expect(outcome({ method: "POST", url: "https://auth.openai.com/oauth/token" }, { network: "none" }, using)).toBe(
      "403 network-none",
    );
  });

  it("P27 a container registry's token is asked for without a login where the answer cannot be rewritten", () => {
    expect(outcome({ url: "https://ghcr.io/token?scope=repository:a/b:pull" })).toBe("forward drops");
    expect(outcome({ url: "https://auth.docker.io/token?service=registry.docker.io" })).toBe("forward drops");
  });

  const placeholder = "clauderon-github-placeholder";
  const basic = Buffer.from(`x-access-token:${placeholder}`).toString("base64");
  it.each([
    ["plain header", { "x-anything": placeholder }, "/"],
    ["bearer", { authorization: `Bearer ${placeholder}` }, "/"],
    ["basic", { authorization: `Basic ${basic}` }, "/"],
    ["base64, alignment 1", { "x-a": Buffer.from(`a${placeholder}`).toString("base64") }, "/"],
    ["base64, alignment 2", { "x-a": Buffer.from(`ab${placeholder}`).toString("base64") }, "/"],
    ["base64url", { "x-a": Buffer.from(`??>${placeholder}??`).toString("base64url") }, "/"],
    ["path", {}, `/${placeholder}`],
    ["query", {}, `/?token=${placeholder}`],
    ["percent-encoded query", {}, `/?token=${placeholder.replaceAll("-", "%2d")}`],
    ["fully percent-encoded", {}, `/?t=${Buffer.from(placeholder).toString("hex").replaceAll(/../g, "%$&")}`],
    ["cookie", { cookie: `a=${placeholder}` }, "/"],
  ])("P29 a placeholder (%s) goes to no host but its own", (_, headers, path) => {
    for (const origin of [
      "https://api.anthropic.com",
      "https://npm.example.com",
      "http://example.com",
      "http://api.github.com",
    ]) {
      expect(outcome({ url: `${origin}${path}`, headers: { ...headers } }, open)).toBe("403 placeholder-misplaced");
      expect(outcome({ url: `${origin}${path}`, headers: { ...headers } }, host)).toBe("403 placeholder-misplaced");
    }
    expect(outcome({ url: `https://api.github.com${path}`, headers: { ...headers } }, open)).toBe("inject github");
  });

  it("P29 the product's name alone is no placeholder", () => {
    expect(
      outcome(
        { url: "http://example.com/acme/clauderon?q=clauderon-github", headers: { "user-agent": "clauderon/1" } },
        open,
      ),
    ).toBe("forward");
  });

  it("P30 a placeholder whose secret is missing never goes on the wire", () => {
    const headers = { authorization: `Bearer ${placeholder}` };
    expect(outcome({ url: "https://api.github.com/user", headers }, {}, engine([]))).toBe("403 secret-missing");
    expect(outcome({ url: "https://api.github.com/user", headers }, host, engine([]))).toBe("403 secret-missing");
  });

  it("P30 a placeholder on a path that no rule names never goes on the wire", () => {
    const headers = { authorization: "Bearer clauderon-sentry-placeholder" };
    expect(outcome({ url: "https://eu.sentry.example/settings", headers })).toBe("forward drops");
    expect(outcome({ url: "https://eu.sentry.example/settings", headers }, host)).toBe("403 placeholder-misplaced");
  });

  it("P43 a rule's path is not stretched by what servers read differently", () => {
    for (const path of ["/apix", "/API/0", "/api;x/0/1", "/x/api/0"]) {
      expect(outcome({ url: `https://eu.sentry.example${path}` })).toBe("forward drops");
    }
    for (const path of ["/x/../api/0", "/api/..;/0", "/x/%2e%2e/api", "/api%2f..%2fx"]) {
      expect(outcome({ url: `https://eu.sentry.example${path}` })).toBe("400 path-ambiguous");
    }
    expect(outcome({ url: "https://eu.sentry.example/api/a%2Fb" })).toBe("inject sentry");
    expect(outcome({ url: "https://eu.sentry.example/api%2Fa" })).toBe("forward drops");
  });
});

describe("push", () => {
  const push = { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" };
  const scoped: Partial<SessionPolicy> = { push };

  it.each([
    ["GET", "/acme/app.git/info/refs?service=git-receive-pack", "inject github"],
    ["GET", "/acme/app/info/refs?service=git-receive-pack", "inject github"],
    ["POST", "/acme/app.git/git-receive-pack", "inject github push-guard"],
    ["POST", "/acme/app/git-receive-pack", "inject github push-guard"],
    ["POST", "/acme/app.git/info/lfs/objects/batch", "inject github"],
    ["POST", "/acme/app.git/info/lfs/locks/verify", "inject github"],
    ["GET", "/acme/other.git/info/refs?service=git-upload-pack", "inject github"],
    ["POST", "/acme/other.git/git-upload-pack", "inject github"],
    ["POST", "/acme/other.git/info/lfs/objects/batch", "inject github lfs-download"],
    ["GET", "/acme/other.git/info/refs?service=git-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/other.git/git-receive-pack", "403 push-not-scoped"],
    ["POST", "/Acme/App.git/git-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/app.wiki.git/git-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/app.git.git/git-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/app.git%2Fgit-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/other.git/GIT-receive-pack", "403 push-not-scoped"],
    ["POST", "/acme/other.git/git-receive-pack/", "403 push-not-scoped"],
    ["POST", "/acme/other.git/git-receive-pack;x", "403 push-not-scoped"],
    ["POST", "/acme/other.git/info/lfs/locks", "403 push-not-scoped"],
    ["GET", "/acme/app.git/info/refs?service=git-upload-pack&service=git-receive-pack", "403 push-not-scoped"],
    ["GET", "/acme/app.git/info/refs?service=GIT-RECEIVE-PACK", "403 push-not-scoped"],
    ["GET", "/acme/app.git/info/refs?service=git-receive%2Dpack", "403 push-not-scoped"],
    ["PUT", "/acme/app.git/objects/pack/x.pack", "403 push-not-scoped"],
    ["MKCOL", "/acme/app.git/refs/heads/x", "403 push-not-scoped"],
  ])("A session's own branch: %s %s → %s", (method, path, expected) => {
    expect(outcome({ method, url: `https://github.com${path}` }, scoped)).toBe(expected);
  });

  it("a git host without a rule is looked into when the session's repository is there", () => {
    const own: Partial<SessionPolicy> = { network: "open", push: { ...push, host: "git.example.com" } };
    expect(connectTo("git.example.com:443", own)).toBe("intercept");
    expect(connectTo("other.example.com:443", own)).toBe("tunnel");
    const url = "https://git.example.com/acme";
    expect(outcome({ method: "POST", url: `${url}/app.git/git-receive-pack` }, own)).toBe("forward push-guard");
    expect(outcome({ method: "POST", url: `${url}/other.git/git-receive-pack` }, own)).toBe("403 push-not-scoped");
    expect(outcome({ method: "POST", url: `${url}/other.git/git-upload-pack` }, own)).toBe("forward");
    expect(outcome({ method: "PUT", url: "https://git.example.com/api/v4/projects/1" }, own)).toBe("forward");
    expect(outcome({ method: "PUT", url: `${url}/app.git/refs/heads/main` }, own)).toBe("403 push-not-scoped");
    expect(
      outcome({ method: "POST", url: `${url}/app.git/git-receive-pack` }, { ...own, accessMode: "read-only" }),
    ).toBe("403 read-only");
  });

  it("the same path at another git host is another repository", () => {
    const rules = [{ id: "other-git", description: "", host: "git.other.example", protocol: "git" } as const];
    const using = engine([], { rules });
    const url = "https://git.other.example/acme/app.git";
    for (const [method, path] of [
      ["POST", "/git-receive-pack"],
      ["GET", "/info/refs?service=git-receive-pack"],
    ] as const) {
      expect(outcome({ method, url: url + path }, { ...scoped, isIsolated: false }, using)).toBe("403 push-not-scoped");
    }
    expect(outcome({ method: "POST", url: `${url}/git-upload-pack` }, { ...scoped, isIsolated: false }, using)).toBe(
      "forward",
    );
  });

  it("without a branch of its own a sandbox pushes nothing", () => {
    const url = "https://github.com/acme/app.git/git-receive-pack";
    expect(outcome({ method: "POST", url })).toBe("403 push-not-scoped");
    expect(outcome({ method: "POST", url }, host)).toBe("inject github");
  });

  it.each([
    ["PUT", "/repos/acme/app/contents/README.md"],
    ["DELETE", "/repos/acme/app/contents/a/b"],
    ["POST", "/repos/acme/app/git/refs"],
    ["PATCH", "/repos/acme/app/git/refs/heads/main"],
    ["DELETE", "/repos/acme/app/git/refs/tags/v1"],
    ["POST", "/repos/acme/app/merges"],
    ["POST", "/repos/acme/app/merge-upstream"],
    ["PUT", "/repos/acme/app/pulls/1/merge"],
    ["POST", "/repos/acme/app/pulls/1/merge"],
    ["POST", "/repos/acme/app/git/refs/heads/main"],
    ["PATCH", "/api/v3/repos/acme/app/git/refs/heads/main"],
    ["POST", "/repos/acme/app/branches/main/rename"],
    ["POST", "/repos/acme/app/releases"],
    ["PATCH", "/Repos/acme/app/Git/refs/heads/main"],
  ])("P53 a branch is not moved through the API either: %s %s", (method, path) => {
    expect(outcome({ method, url: `https://api.github.com${path}` }, scoped)).toBe("403 push-not-scoped");
    expect(outcome({ method, url: `https://api.github.com${path}` })).toBe("inject github");
  });

  it.each([{ "X-HTTP-Method-Override": "PATCH" }, { "x-http-method": "DELETE" }])(
    "P51 a hidden method (%j) is refused at the host of an API",
    (headers) => {
      for (const url of [
        "https://api.github.com/repos/acme/app/git/refs/heads/main",
        "https://api.github.com/user",
        "https://npm.example.com/a",
      ]) {
        expect(outcome({ url, headers: { ...headers } }, scoped)).toBe("403 method-override");
        expect(outcome({ url, headers: { ...headers } })).toBe("403 method-override");
      }
      expect(outcome({ url: "https://eu.sentry.example/api/0", headers: { ...headers } })).toBe("inject sentry");
    },
  );

  it("the rest of the API stays usable, GraphQL after a look at its body", () => {
    expect(outcome({ method: "POST", url: "https://api.github.com/repos/acme/app/pulls" }, scoped)).toBe(
      "inject github",
    );
    expect(outcome({ method: "POST", url: "https://api.github.com/graphql" }, scoped)).toBe(
      "inject github graphql-keeps-refs",
    );
    expect(
      outcome(
        { method: "POST", url: "https://api.github.com/graphql", headers: { "content-encoding": "gzip" } },
        scoped,
      ),
    ).toBe("403 body-unreadable");
  });
});

/** The network part of the decision once more, as plainly as it can be written, for hosts that are no addresses. */
function reference(policy: SessionPolicy, target: ProxyTarget, ruleHosts: readonly string[]): "reach" | "refuse" {
  const entryMatches = (entry: string, everyPort: boolean): boolean => {
    const [name = "", port] = entry.split(":");
    const isHost = name.startsWith("*.")
      ? target.host.endsWith(name.slice(1)) && target.host !== name.slice(2)
      : target.host === name;
    const isPort = port === undefined ? everyPort || [80, 443].includes(target.port) : Number(port) === target.port;
    return isHost && isPort;
  };
  if (policy.network === "none") return "refuse";
  if (policy.deny.some((entry) => entryMatches(entry, true))) return "refuse";
  if (
    target.host.endsWith("localhost") &&
    !policy.allow.some((entry) => !entry.startsWith("*") && entryMatches(entry, false))
  )
    return "refuse";
  if (ruleHosts.includes(target.host) && target.port === 443) return "reach";
  if (policy.allow.some((entry) => entryMatches(entry, false))) return "reach";
  return policy.network === "open" && [80, 443].includes(target.port) ? "reach" : "refuse";
}

describe("properties", () => {
  const names = fc.constantFrom(
    "a.example",
    "b.a.example",
    "c.b.a.example",
    "xa.example",
    "a.example.evil",
    "localhost",
    "x.localhost",
    "api.github.com",
    "github.com",
    "example",
  );
  const ports = fc.constantFrom(443, 80, 22, 8443);
  const entry = fc
    .tuple(fc.constantFrom("", "*."), names, fc.constantFrom("", ":443", ":8443", ":22"))
    .map((parts) => parts.join(""))
    .filter((text) => !text.startsWith("*.localhost") && !text.startsWith("*.example:") && text !== "*.example");
  const policies = fc.record({
    accessMode: fc.constant("read-write" as const),
    network: fc.constantFrom("open", "listed", "none"),
    allow: fc.array(entry, { maxLength: 3 }),
    deny: fc.array(entry, { maxLength: 2 }),
    isIsolated: fc.boolean(),
  });

  it("P07 P09 P10 the decision on a CONNECT is that of the plain reference", () => {
    const using = engine();
    fc.assert(
      fc.property(policies, names, ports, (policy, name, port) => {
        const target: ProxyTarget = { scheme: "tcp", host: name, port };
        const verdict = using.decideConnect(identity(policy), target);
        const isRule = ["api.github.com", "github.com"].includes(name) && port === 443;
        const expected = reference(policy, target, ["api.github.com", "github.com"]);
        expect(verdict.kind).toBe(expected === "refuse" ? "refuse" : isRule ? "intercept" : "tunnel");
      }),
      { numRuns: 800 },
    );
  });

  it("P24 a secret goes to its own host over HTTPS and nowhere else, whatever is sent", () => {
    const using = engine();
    const own = new Map([
      ["anthropic", "api.anthropic.com"],
      ["claude-oauth", "api.anthropic.com"],
      ["github", "github.com"],
      ["npm", "npm.example.com"],
    ]);
    const hosts = fc.constantFrom(
      "api.anthropic.com",
      "github.com",
      "npm.example.com",
      "evil.example",
      "1.1.1.1",
      "api.github.com",
    );
    const headers = fc.constantFrom(
      {},
      { authorization: "Bearer x" },
      { "x-api-key": "y" },
      { authorization: "Basic eDp5" },
    );
    const paths = fc.constantFrom(
      "/",
      "/v1/messages",
      "/acme/app.git/info/refs?service=git-upload-pack",
      "/a%2Fb",
      "/user",
    );
    fc.assert(
      fc.property(
        fc.tuple(fc.constantFrom("http", "https"), hosts, fc.constantFrom("", ":443", ":80", ":8443"), paths),
        headers,
        policies,
        ([scheme, name, port, path], extra, policy) => {
          const url = `${scheme}://${name}${port}${path}`;
          const verdict = decideOn(
            { url, headers: extra },
            { ...policy, allow: [...policy.allow, `${name}:8443`] },
            using,
          );
          if (verdict.kind === "refuse" || verdict.secret === undefined) return;
          expect(scheme).toBe("https");
          expect(["", ":443"]).toContain(port);
          expect([own.get(verdict.secret), verdict.secret === "github" ? "api.github.com" : undefined]).toContain(name);
        },
      ),
      { numRuns: 600 },
    );
  });
});

describe("a session that acts as the user on this machine", () => {
  const user: Partial<SessionPolicy> = { ...host, isUnconfined: true };

  it.each([
    "10.1.2.3:8443",
    "192.168.1.5:3000",
    "git.corp.example:8443",
    "printer.local:631",
    "127.0.0.1:5432",
    "localhost:8080",
  ])("reaches through the proxy what it reaches without it: %s", (target) => {
    expect(connectTo(target, user)).toBe("tunnel");
    expect(connectTo(target, { ...user, isUnconfined: false })).toMatch(/^403 /u);
    expect(connectTo(target, { ...user, deny: ["10.0.0.0/8", "*.example", target] })).toMatch(/^403 /u);
  });

  it("keeps its own way to a host where nothing would be put in", () => {
    const none = engine([]);
    for (const target of ["github.com:443", "api.github.com:443", "npm.example.com:443", "eu.sentry.example:443"]) {
      expect(connectTo(target, user, none)).toBe("tunnel");
      expect(connectTo(target, user)).toBe("intercept");
      expect(connectTo(target, { ...user, isUnconfined: false }, none)).toBe("intercept");
      expect(connectTo(target, { ...user, accessMode: "read-only" }, none)).toBe("intercept");
    }
    expect(connectTo("api.anthropic.com:443", user, none)).toBe("intercept");
    expect(connectTo("github.com:443", user, engine([], { diverted: new Set(["github.com"]) }))).toBe("intercept");
    const push = { host: "github.com", repository: "acme/app", ref: "refs/heads/fix" };
    expect(connectTo("github.com:443", { ...user, push }, none)).toBe("intercept");
  });

  it.each(["https://auth.openai.com/oauth/token", "https://console.anthropic.com/v1/oauth/token"])(
    "renews its own login, and the answer reaches it unchanged: %s",
    (url) => {
      for (const secrets of [[], allSecrets]) {
        const verdict = decideOn({ url, method: "POST" }, user, engine(secrets, { canReplaceAnswers: true }));
        expect(verdict).toMatchObject({ kind: "forward" });
        expect(verdict).not.toHaveProperty("answerFields");
        expect(verdict).not.toHaveProperty("secret");
      }
    },
  );
});
