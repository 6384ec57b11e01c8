import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { identity, basic, isWholeAnswer, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { password, places, startRegistryWorld, type RegistryWorld } from "./testing/registry-world.fixture.ts";

let world: RegistryWorld;

beforeAll(async () => {
  world = await startRegistryWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const name of ["docker", "github", "registry-harbor.example", "gitlab", "registry-plain.example"])
    world.secrets.add(name);
  world.registry.calls.length = 0;
  world.registry.tokens.length = 0;
  world.registry.answerToken = undefined;
  await world.usePolicy({});
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: string;
}

async function ask(
  url: string,
  options: { readonly method?: string; readonly authorization?: string | undefined; readonly as?: string } = {},
): Promise<Answer> {
  const { host, pathname, search } = new URL(url);
  const { method = "GET", authorization, as = world.test.authorization } = options;
  const tls = await tlsThrough(world.test, { target: `${host}:443`, authorization: as });
  const line = authorization === undefined ? "" : `authorization: ${authorization}\r\n`;
  tls.write(
    `${method} ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${line}content-length: 0\r\nconnection: close\r\n\r\n`,
  );
  const { text } = await readUntil(tls, isWholeAnswer);
  tls.destroy();
  return { status: Number(text.slice(9, 12)), text, body: text.slice(text.indexOf("\r\n\r\n") + 4) };
}

/** What a client does: is refused, asks where it is told to for what it is told, and comes back with what it got. */
async function pull(
  url: string,
  authorization?: string,
): Promise<{ readonly last: Answer; readonly handle: string; readonly seen: string }> {
  const first = await ask(url);
  const challenge = /www-authenticate: Bearer realm="([^"]+)",service="([^"]+)",scope="([^"]+)"/iu.exec(first.text);
  const [, realm = "", service = "", scope = ""] = challenge ?? [];
  const token = await ask(`${realm}?service=${service}&scope=${scope}`, { authorization });
  const { token: handle = "" } = JSON.parse(token.body) as { readonly token?: string };
  const last = await ask(url, { authorization: `Bearer ${handle}` });
  return { last, handle, seen: first.text + token.text + last.text };
}

const manifest = (host: string, repository = "acme/app"): string => `https://${host}/v2/${repository}/manifests/latest`;
const withTokens = ["docker.io", "ghcr.io", "harbor.example", "registry.gitlab.example"] as const;

describe("P27 the token flow of a container registry", () => {
  it.each(withTokens)("%s: a private image is pulled, the session holds a handle alone", async (name) => {
    const { host, realm } = places[name];
    const { last, handle, seen } = await pull(manifest(host));
    expect(last.status).toBe(200);
    expect(JSON.parse(last.body)).toMatchObject({ schemaVersion: 2 });
    expect(handle).toMatch(/^clauderon\.token\./u);
    const [real = ""] = world.registry.tokens;
    for (const secret of [real, password, "REAL-"]) expect(seen).not.toContain(secret);
    expect(seen).not.toMatch(/set-cookie|refresh_token/u);
    expect(world.registry.calls.at(-1)).toMatchObject({ host, authorization: `Bearer ${real}`, status: 200 });
    expect(world.registry.calls.find((call) => call.url.startsWith(realm?.path ?? "none"))).toMatchObject({
      host: realm?.host,
      authorization: basic("me", password),
    });
    expect(JSON.stringify(world.test.records)).not.toContain("REAL-");
  });

  it("a client that has the placeholder for a login is served alike", async () => {
    const { last } = await pull(manifest("registry-1.docker.io"), basic("me", "clauderon-docker-placeholder"));
    expect(last.status).toBe(200);
  });

  it("a registry that takes the login itself is given it", async () => {
    expect(await ask(manifest("plain.example"))).toMatchObject({ status: 200 });
    expect(await ask(manifest("plain.example"), { authorization: basic("attacker", "x") })).toMatchObject({
      status: 200,
    });
  });

  it("without a login a public image is pulled, a private one is not", async () => {
    for (const name of ["docker", "github"]) world.secrets.delete(name);
    for (const name of ["docker.io", "ghcr.io"] as const) {
      const { host } = places[name];
      const { last, handle } = await pull(manifest(host, "library/hello"));
      expect(last.status).toBe(200);
      expect(handle).toMatch(/^clauderon\.token\./u);
      expect((await pull(manifest(host))).last.status).toBe(401);
    }
  });

  it("a login that goes takes its tokens with it, and one that comes does not find the attacker's", async () => {
    const { handle } = await pull(manifest("ghcr.io"));
    world.secrets.delete("github");
    expect((await ask(manifest("ghcr.io"), { authorization: `Bearer ${handle}` })).status).toBe(401);
    world.secrets.add("github");
    expect((await ask(manifest("ghcr.io"), { authorization: "Bearer attacker" })).status).toBe(401);
    expect(world.registry.calls.at(-1)?.authorization).toBeUndefined();
  });

  it("P29 a handle is worth nothing at another host, in another session, or changed", async () => {
    const { handle } = await pull(manifest("registry-1.docker.io"));
    const authorization = `Bearer ${handle}`;
    expect((await ask("https://api.anthropic.com/v1/models", { authorization })).text).toContain(
      "placeholder-misplaced",
    );
    expect((await ask(`https://pypi.org/simple/?x=${encodeURIComponent(handle)}`)).text).toContain(
      "placeholder-misplaced",
    );
    expect((await ask(manifest("ghcr.io"), { authorization })).status).toBe(401);
    expect((await ask(manifest("registry-1.docker.io"), { authorization: `${authorization}x` })).status).toBe(401);
    const other = await world.test.proxy.identities.add(identity("s2"));
    const as = basic("s2", other.token);
    expect((await ask(manifest("registry-1.docker.io"), { authorization, as })).status).toBe(401);
    expect(world.registry.calls.every((call) => call.authorization?.includes("clauderon") !== true)).toBe(true);
  });

  it("P29 a handle that no secret stands behind is bound to its registry, too", async () => {
    for (const name of ["docker", "github"]) world.secrets.delete(name);
    const { handle } = await pull(manifest("registry-1.docker.io", "library/hello"));
    const authorization = `Bearer ${handle}`;
    expect((await ask(manifest("registry-1.docker.io", "library/hello"), { authorization })).status).toBe(200);
    expect((await ask(manifest("ghcr.io", "library/hello"), { authorization })).status).toBe(401);
    expect(world.registry.calls.at(-1)).toMatchObject({ host: "ghcr.io", authorization: undefined });
  });

  it("a token goes with the session", async () => {
    const added = await world.test.proxy.identities.add(identity("s3"));
    const token = await ask("https://ghcr.io/token?scope=repository:acme/app:pull", { as: basic("s3", added.token) });
    const { token: handle = "" } = JSON.parse(token.body) as { readonly token?: string };
    const again = await world.test.proxy.identities.add(identity("s3"));
    const as = basic("s3", again.token);
    expect((await ask(manifest("ghcr.io"), { authorization: `Bearer ${handle}`, as })).status).toBe(401);
  });

  it("pushes with a login, and not in a read-only session", async () => {
    const url = "https://ghcr.io/v2/acme/app/blobs/uploads/";
    const token = await ask("https://ghcr.io/token?scope=repository:acme/app:pull,push");
    const { token: handle = "" } = JSON.parse(token.body) as { readonly token?: string };
    const authorization = `Bearer ${handle}`;
    expect((await ask(url, { method: "POST", authorization })).status).toBe(202);
    await world.usePolicy({ accessMode: "read-only" });
    expect((await ask(url, { method: "POST", authorization })).text).toContain("clauderon-refusal: read-only");
    expect((await ask("https://ghcr.io/token?scope=repository:acme/app:pull,push")).status).toBe(403);
  });

  it("asked by POST, the token service is not there: clients ask again by GET", async () => {
    for (const url of ["https://auth.docker.io/token", "https://ghcr.io/token"])
      expect((await ask(url, { method: "POST" })).text).toMatch(
        /^HTTP\/1.1 405 [\s\S]*clauderon-refusal: token-route/u,
      );
    expect(world.registry.calls).toEqual([]);
  });

  it.each([
    { name: "no JSON", status: 200, headers: {}, body: "token=REAL-x" },
    { name: "a redirect", status: 307, headers: { location: "https://ghcr.io/REAL-x" }, body: "" },
    { name: "an encoding", status: 200, headers: { "content-encoding": "gzip" }, body: "REAL-x" },
    { name: "more than a mebibyte", status: 200, headers: {}, body: `{"token":"REAL-${"x".repeat(1 << 20)}"}` },
  ])("an answer that cannot be read is refused: $name", async ({ status, headers, body }) => {
    world.registry.answerToken = (response) => response.writeHead(status, headers).end(body);
    const { text } = await ask("https://ghcr.io/token?scope=repository:acme/app:pull");
    expect(text).toMatch(/^HTTP\/1.1 502 [\s\S]*clauderon-refusal: token-answer-unreadable/u);
    expect(text).toContain("explain: clauderon proxy explain 'https://ghcr.io/token'");
    expect(text).not.toContain("REAL-");
  });

  it.each(['{"details":"incorrect username or password"}', "<html>REAL-x</html>"])(
    "the service's own refusal reaches the client: %s",
    async (body) => {
      world.registry.answerToken = (response) => response.writeHead(401).end(body);
      const answer = await ask("https://ghcr.io/token?scope=repository:acme/app:pull");
      expect(answer).toMatchObject({ status: 401, body: expect.stringContaining('"details"') });
      expect(answer.text).not.toContain("REAL-");
    },
  );
});
