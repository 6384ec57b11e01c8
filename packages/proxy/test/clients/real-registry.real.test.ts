import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { imageDirectory } from "../../src/tokens/testing/image-registry.fixture.ts";
import { startClientWorld } from "./client-world.ts";
import { startTlsUpstream } from "./package-upstream.ts";
import { registryProgram, startRealRegistry } from "./real-registry.ts";
import { runsClient } from "./required-client.ts";

const password = "REAL-LOGIN-19ab";
const host = "registry.corp.example";
const realm = "https://auth.corp.example/token";
const isThere = [
  runsClient("skopeo", ["skopeo", "--version"]),
  runsClient(registryProgram, [registryProgram, "--version"]),
].every(Boolean);

it.runIf(isThere)("C3 skopeo pushes to a real registry and pulls from it, with a login it does not have", async () => {
  const authorization = `Basic ${Buffer.from(`me:${password}`).toString("base64")}`;
  await using registry = await startRealRegistry({ host, realm, authorization });
  await using service = await startTlsUpstream({ "auth.corp.example": registry.tokenService });
  await using world = await startClientWorld({
    origins: { [host]: registry.port, "auth.corp.example": service.port },
    secrets: {},
    stored: { corp: password },
    settings: `\n[registries]\n"${host}" = { username = "me", secret = "corp", token_url = "${realm}" }\n`,
  });
  const image = join(world.home, "image");
  await mkdir(image);
  for (const [name, content] of Object.entries(imageDirectory)) await writeFile(join(image, name), content);
  const policy = join(world.home, "policy.json");
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const copy = async (from: string, to: string): Promise<void> => {
    const { code, output } = await world.run(["skopeo", "--policy", policy, "copy", "--preserve-digests", from, to]);
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).not.toContain("eyJ");
  };
  await copy(`dir:${image}`, `docker://${host}/acme/app:1`);
  await copy(`docker://${host}/acme/app:1`, `dir:${join(world.home, "pulled")}`);
  expect(await readFile(join(world.home, "pulled", "manifest.json"))).toEqual(imageDirectory["manifest.json"]);
  expect(registry.tokens.length).toBeGreaterThan(0);
  const written = await world.written();
  for (const text of [password, authorization.slice(6), ...registry.tokens]) expect(written).not.toContain(text);
  const injected = async (): Promise<readonly unknown[]> =>
    (await world.audit()).filter(({ service: name, decision }) => name === host && decision === "injected");
  await expect.poll(injected).toContainEqual(expect.objectContaining({ method: "PUT", secret: "corp" }));
});
