import { describe, expect, it } from "vitest";

import { specLabels } from "./container-labels.ts";
import { sandboxPlaces } from "./container-places.ts";
import { containerSpec, type ContainerRequest } from "./container-spec.ts";

const spec = {
  sandboxId: "5e1b4c1e-0000-4000-8000-000000000001",
  name: "fix",
  workspace: { hostPath: "/home/me/.clauderon/worktrees/fix" },
  environment: { HTTP_PROXY: "http://host.docker.internal:3030", ANTHROPIC_API_KEY: "placeholder", TERM: "xterm" },
};

function made(overrides: Partial<ContainerRequest> = {}) {
  const body = containerSpec({
    spec,
    image: "acme/dev:1",
    labels: {},
    places: sandboxPlaces("/home/me/.clauderon/state/docker", spec.sandboxId),
    programs: "/home/me/.clauderon/guest/abc",
    user: { uid: 1000, gid: 1000 },
    limits: { processes: 4096 },
    channelKind: "socket",
    facts: { hasUserNamespace: false },
    ...overrides,
  });
  const host = body["HostConfig"] as Readonly<Record<string, unknown>>;
  return { body, host, mounts: host["Mounts"] as readonly { Source: string; Target: string; ReadOnly: boolean }[] };
}

describe("The container of a sandbox", () => {
  it("has no way out, no power, and no root that can be written", () => {
    const { body, host } = made();
    expect(body).toMatchObject({ User: "1000:1000", WorkingDir: "/workspace", Healthcheck: { Test: ["NONE"] } });
    expect(host).toMatchObject({
      NetworkMode: "none",
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      ReadonlyRootfs: true,
      Privileged: false,
      IpcMode: "private",
      CgroupnsMode: "private",
      PidsLimit: 4096,
      RestartPolicy: { Name: "no" },
      AutoRemove: false,
    });
    expect(host).not.toHaveProperty("CapAdd");
    expect(host).not.toHaveProperty("UsernsMode");
    expect(host).not.toHaveProperty("Memory");
  });

  it("resolves the proxy's name and its own to itself, where the guest listens", () => {
    const { body, host } = made();
    expect(host["ExtraHosts"]).toEqual(["host.docker.internal:127.0.0.1", "fix:127.0.0.1"]);
    expect((body["Cmd"] as readonly string[]).join(" ")).toContain("--proxy-port 3030");
  });

  it("is told no environment but what everybody may know, which is no secret", () => {
    const { body } = made();
    expect(body["Env"]).toEqual(["HOME=/home/agent", "HTTP_PROXY=http://host.docker.internal:3030"]);
    const secret = { ...spec, environment: { HTTPS_PROXY: "http://id:token@127.0.0.1:1" } };
    expect(JSON.stringify(made({ spec: secret }).body)).not.toContain("token");
    expect(JSON.stringify(specLabels("instance", { ...spec, environment: { A: "secret" } }, "i"))).not.toContain(
      "secret",
    );
  });

  it("has the workspace, its home and the guest's own, and nothing more of the machine", () => {
    const state = `/home/me/.clauderon/state/docker/${spec.sandboxId}`;
    expect(
      made().mounts.map(({ Source, Target, ReadOnly }) => `${Source} ${Target} ${ReadOnly ? "ro" : "rw"}`),
    ).toEqual([
      "/home/me/.clauderon/worktrees/fix /workspace rw",
      "/home/me/.clauderon/guest/abc /opt/clauderon ro",
      `${state}/run /run/clauderon rw`,
      `${state}/home /home/agent rw`,
    ]);
  });

  it("has a git directory of its own, its file over the worktree's, and what it borrows read-only", () => {
    const gitFile = { hostPath: "/p/inside.git", directory: "/p/inside", borrows: ["/m/objects"] };
    const { mounts } = made({ spec: { ...spec, workspace: { ...spec.workspace, gitFile } } });
    expect(mounts.slice(1, 4)).toEqual([
      { Type: "bind", Source: "/p/inside.git", Target: "/workspace/.git", ReadOnly: true },
      { Type: "bind", Source: "/p/inside", Target: "/p/inside", ReadOnly: false },
      { Type: "bind", Source: "/m/objects", Target: "/m/objects", ReadOnly: true },
    ]);
  });

  it("has the channel's directory, and the guest dials the socket in it", () => {
    const channel = { kind: "socket", directory: "/c", proxyPort: 4711 } as const;
    const { body, mounts } = made({ spec: { ...spec, channel } });
    expect(mounts.at(-1)).toMatchObject({ Source: "/c", Target: "/etc/clauderon", ReadOnly: true });
    const words = body["Cmd"] as readonly string[];
    expect(words.slice(-4)).toEqual(["--proxy-port", "4711", "--channel-socket", "/etc/clauderon/proxy.sock"]);
    const stream = made({ spec: { ...spec, channel }, channelKind: "stream" });
    expect(stream.body["Cmd"]).not.toContain("--channel-socket");
    expect(stream.mounts.at(-1)).toMatchObject({ Target: "/etc/clauderon" });
  });

  it.each([
    ["open", "bridge"],
    ["listed", "none"],
    ["none", "none"],
  ] as const)("with the network %s is in the engine's %s", (mode, wanted) => {
    expect(made({ spec: { ...spec, network: { mode } } }).host).toMatchObject({ NetworkMode: wanted });
  });

  it("has the limits that were asked for, without swap beyond them", () => {
    const { host } = made({
      limits: { cpus: 1.5, memoryBytes: 1024 ** 3, processes: 100 },
      facts: { hasUserNamespace: true },
    });
    expect(host).toMatchObject({
      NanoCpus: 1_500_000_000,
      Memory: 1024 ** 3,
      MemorySwap: 1024 ** 3,
      PidsLimit: 100,
      UsernsMode: "host",
    });
  });
});
