import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { findCandidates } from "../src/endpoint/find-candidates.ts";
import { parseHost } from "../src/endpoint/parse-host.ts";

/** As `docker context create` and the products write them. */
const contexts = {
  colima:
    '{"Name":"colima","Metadata":{"Description":"colima"},"Endpoints":{"docker":{"Host":"unix:///Users/me/.colima/default/docker.sock","SkipTLSVerify":false}}}',
  "colima-work":
    '{"Name":"colima-work","Metadata":{"Description":"colima [profile=work]"},"Endpoints":{"docker":{"Host":"unix:///Users/me/.colima/work/docker.sock","SkipTLSVerify":false}}}',
  "desktop-linux":
    '{"Name":"desktop-linux","Metadata":{"Description":"Docker Desktop","otel":{"OTEL_EXPORTER_OTLP_ENDPOINT":"unix:///Users/me/.docker/cloud/daemon.grpc.sock"}},"Endpoints":{"docker":{"Host":"unix:///Users/me/.docker/run/docker.sock","SkipTLSVerify":false}}}',
  orbstack:
    '{"Name":"orbstack","Metadata":{"Description":"OrbStack"},"Endpoints":{"docker":{"Host":"unix:///Users/me/.orbstack/run/docker.sock","SkipTLSVerify":false}}}',
  "rancher-desktop":
    '{"Name":"rancher-desktop","Metadata":{"Description":"Rancher Desktop moby context"},"Endpoints":{"docker":{"Host":"unix:///Users/me/.rd/docker.sock","SkipTLSVerify":false}}}',
  rootless:
    '{"Name":"rootless","Metadata":{"Description":"Rootless mode"},"Endpoints":{"docker":{"Host":"unix:///run/user/1000/docker.sock","SkipTLSVerify":false}}}',
  server: '{"Name":"server","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@server","SkipTLSVerify":false}}}',
  cluster: '{"Name":"cluster","Metadata":{},"Endpoints":{"kubernetes":{"Host":"https://k"}}}',
} as const;

async function userWith(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const userHome = await mkdtemp(join(tmpdir(), "clauderon-user-"));
  onTestFinished(() => rm(userHome, { recursive: true, force: true }));
  const all = { ...files };
  for (const [name, meta] of Object.entries(contexts)) {
    const digest = createHash("sha256").update(name).digest("hex");
    all[`.docker/contexts/meta/${digest}/meta.json`] = meta;
  }
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(userHome, path)), { recursive: true });
    await writeFile(join(userHome, path), content);
  }
  return userHome;
}

const linux = (userHome: string, environment: Readonly<Record<string, string>> = {}) =>
  ({ platform: "linux", userHome, environment }) as const;

describe("Where the engine is looked for", () => {
  it("is what the configuration says, then DOCKER_HOST, then DOCKER_CONTEXT, then the current context", async () => {
    const userHome = await userWith({ ".docker/config.json": '{"auths":{},"currentContext":"orbstack"}' });
    const environment = { DOCKER_HOST: "unix:///run/other.sock", DOCKER_CONTEXT: "colima" };
    const find = async (variables: Readonly<Record<string, string>>, configured?: string) =>
      (await findCandidates(linux(userHome, variables), configured)).map(
        ({ socketPath, origin }) => `${socketPath} ${origin}`,
      );
    expect(await find(environment, "unix:///run/mine.sock")).toEqual(["/run/mine.sock docker.endpoint in config.toml"]);
    expect(await find(environment)).toEqual(["/run/other.sock DOCKER_HOST"]);
    expect(await find({ DOCKER_CONTEXT: "colima" })).toEqual([
      '/Users/me/.colima/default/docker.sock the context "colima" of DOCKER_CONTEXT',
    ]);
    expect(await find({})).toEqual(['/Users/me/.orbstack/run/docker.sock the context "orbstack"']);
    expect((await find({ DOCKER_HOST: "", DOCKER_CONTEXT: "default" }))[0]).toBe(
      "/var/run/docker.sock the usual place",
    );
  });

  it.each([
    ["colima", "/Users/me/.colima/default/docker.sock"],
    ["colima-work", "/Users/me/.colima/work/docker.sock"],
    ["desktop-linux", "/Users/me/.docker/run/docker.sock"],
    ["orbstack", "/Users/me/.orbstack/run/docker.sock"],
    ["rancher-desktop", "/Users/me/.rd/docker.sock"],
    ["rootless", "/run/user/1000/docker.sock"],
  ])("the context %s leads to %s", async (name, socketPath) => {
    const userHome = await userWith();
    expect((await findCandidates(linux(userHome, { DOCKER_CONTEXT: name }))).map((found) => found.socketPath)).toEqual([
      socketPath,
    ]);
  });

  it.each([
    ["server", /another machine/u],
    ["cluster", /has no context/u],
    ["unknown", /has no context/u],
  ])("the context %s is refused", async (name, why) => {
    const userHome = await userWith();
    await expect(findCandidates(linux(userHome, { DOCKER_CONTEXT: name }))).rejects.toSatisfy(
      (error: Error & { why?: string }) => why.test(`${error.message} ${error.why ?? ""}`),
    );
  });

  it("follows DOCKER_CONFIG, and says which file cannot be read", async () => {
    const userHome = await userWith({
      "other/config.json": '{"currentContext":"default"}',
      "bad/config.json": '{"currentContext":',
    });
    const [first] = await findCandidates(linux(userHome, { DOCKER_CONFIG: join(userHome, "other") }));
    expect(first?.origin).toBe("the usual place");
    await expect(findCandidates(linux(userHome, { DOCKER_CONFIG: join(userHome, "bad") }))).rejects.toMatchObject({
      code: "settings.unreadable",
      message: expect.stringContaining("bad/config.json"),
    });
  });

  it("is at the usual places of every product when nobody says more", async () => {
    const places = async (platform: NodeJS.Platform, environment: Readonly<Record<string, string>>) => {
      const found = await findCandidates({ platform, userHome: "/home/me", environment });
      return found.map(({ socketPath }) => socketPath);
    };
    const linuxPlaces = await places("linux", { XDG_RUNTIME_DIR: "/run/user/1000" });
    expect(linuxPlaces.slice(0, 3)).toEqual([
      "/var/run/docker.sock",
      "/run/user/1000/docker.sock",
      "/home/me/.docker/desktop/docker.sock",
    ]);
    expect((await places("darwin", {}))[0]).toBe("/home/me/.docker/run/docker.sock");
    expect(linuxPlaces).toEqual(
      expect.arrayContaining([
        "/home/me/.colima/default/docker.sock",
        "/home/me/.config/colima/default/docker.sock",
        "/home/me/.orbstack/run/docker.sock",
        "/home/me/.rd/docker.sock",
        "/home/me/.lima/docker/sock/docker.sock",
      ]),
    );
    expect(await places("linux", { COLIMA_HOME: "/c", COLIMA_PROFILE: "work" })).toContain("/c/work/docker.sock");
  });

  it.each([
    ["unix:///run/docker.sock", "/run/docker.sock"],
    ["UNIX:///run/docker.sock", "/run/docker.sock"],
    ["/run/docker.sock", "/run/docker.sock"],
    ["npipe:////./pipe/docker_engine", String.raw`\\.\pipe\docker_engine`],
    ["unix://run/docker.sock", undefined],
    ["run/docker.sock", undefined],
    ["fd://", undefined],
    ["http://127.0.0.1:2375", undefined],
  ])("the address %s is %s", (host, wanted) => {
    const parsed = parseHost(host);
    expect(parsed.kind === "socket" ? parsed.socketPath : undefined).toBe(wanted);
  });
});
