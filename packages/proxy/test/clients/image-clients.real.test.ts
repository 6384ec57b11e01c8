import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { imageLayer, startImageRegistry, type ImageRegistry } from "../../src/tokens/testing/image-registry.fixture.ts";
import { places } from "../../src/tokens/testing/registry-world.fixture.ts";
import { startClientWorld, type ClientWorld } from "./client-world.ts";
import { runsClient } from "./required-client.ts";

const password = "REAL-LOGIN-0c4e";
const hasSkopeo = runsClient("skopeo", ["skopeo", "--version"]);
let registry: ImageRegistry;
let world: ClientWorld;

beforeAll(async () => {
  registry = await startImageRegistry({ places: Object.values(places), login: `me:${password}` });
  const hosts = Object.values(places).flatMap(({ host, ...rest }) =>
    "realm" in rest ? [host, rest.realm.host] : host,
  );
  world = await startClientWorld({
    origins: Object.fromEntries(hosts.map((host) => [host, registry.port])),
    secrets: { DOCKER_TOKEN: password, GITHUB_TOKEN: password },
    stored: { "registry-harbor.example": password, gitlab: password, "registry-plain.example": password },
    settings: `
[registries]
"docker.io" = "me"
"ghcr.io" = "me"
"harbor.example" = "me"
"registry.gitlab.example" = { username = "me", secret = "gitlab", token_url = "https://gitlab.example/jwt/auth" }
"plain.example" = "me"
`,
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});
beforeEach(() => {
  registry.calls.length = 0;
});

/** The way of the Docker registry's token specification, with nothing but curl. */
async function pullWithCurl(host: string): Promise<string> {
  const url = `https://${host}/v2/acme/app/manifests/latest`;
  const curl = async (...argv: string[]): Promise<string> => {
    const { code, output } = await world.run(["curl", "-sS", "-i", ...argv]);
    expect({ code, output }).toEqual({ code: 0, output });
    return output;
  };
  const first = await curl(url);
  const [, realm = "", query = ""] = /realm="([^"]+)",(service="[^"]+",scope="[^"]+")/u.exec(first) ?? [];
  if (realm === "") return first;
  const answer = await curl(`${realm}?${query.replaceAll('"', "").replace(",", "&")}`);
  const handle = /"token":"([^"]+)"/u.exec(answer)?.[1] ?? "";
  expect(handle).toMatch(/^clauderon\.token\./u);
  return `${first}${answer}${await curl("-H", `Authorization: Bearer ${handle}`, url)}`;
}

const kinds = Object.entries(places).map(([name, { host }]) => ({ name, host }));

describe("C3 images are pulled with a login that the session does not have", () => {
  it.each(kinds)("curl: $name", async ({ host }) => {
    const seen = await pullWithCurl(host);
    expect(seen).toMatch(/HTTP\/(?:1\.1|2) 200[\s\S]*"schemaVersion":2/u);
    expect(seen).not.toContain("REAL-");
    expect(registry.calls.at(-1)).toMatchObject({ host, status: 200 });
  });

  it.runIf(hasSkopeo).each(kinds)("skopeo: $name", async ({ name }) => {
    const path = join(world.home, `image-${name}`);
    await mkdir(path);
    const policy = join(path, "policy.json");
    await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const argv = [
      "skopeo",
      "--policy",
      policy,
      "copy",
      `docker://${name}/acme/app:latest`,
      `dir:${join(path, "image")}`,
    ];
    expect(await world.run(argv)).toMatchObject({ code: 0 });
    const files = await readdir(join(path, "image"));
    const contents = await Promise.all(files.map((file) => readFile(join(path, "image", file), "utf8")));
    expect(contents).toContain(imageLayer.toString());
  });

  it("and nothing that was written holds the login or a token", async () => {
    const written = await world.written();
    for (const text of [password, "REAL-", Buffer.from(`me:${password}`).toString("base64")])
      expect(written).not.toContain(text);
    expect(registry.tokens.length).toBeGreaterThan(0);
  });
});
