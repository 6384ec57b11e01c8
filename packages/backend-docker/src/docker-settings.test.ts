import { describe, expect, it } from "vitest";

import { parseDockerSettings } from "./docker-settings.ts";

describe("The table [docker]", () => {
  it("has the keys of its documentation", () => {
    const table = {
      default_image: "ghcr.io/acme/dev:1",
      pull_policy: "always",
      channel: "stream",
      endpoint: "unix:///run/d.sock",
      limits: { cpu: "4", memory: "8g", pids: 1024 },
    };
    expect(parseDockerSettings(table)).toEqual({
      endpoint: "unix:///run/d.sock",
      defaultImage: "ghcr.io/acme/dev:1",
      pullPolicy: "always",
      channel: "stream",
      cpus: 4,
      memoryBytes: 8 * 1024 ** 3,
      processes: 1024,
    });
    expect(parseDockerSettings({ limits: { cpu: "", memory: "" } })).toMatchObject({
      cpus: undefined,
      memoryBytes: undefined,
    });
  });

  it.each([
    [{ image: "x" }, "image"],
    [{ default_image: "" }, "default_image"],
    [{ default_image: 1 }, "default_image"],
    [{ pull_policy: "sometimes" }, "pull_policy"],
    [{ pull_policy: "missing" }, "pull_policy"],
    [{ channel: "tcp" }, "channel"],
    [{ limits: 4 }, "limits"],
    [{ limits: { cpus: 4 } }, "limits.cpus"],
    [{ limits: { cpu: 0 } }, "limits.cpu"],
    [{ limits: { cpu: -1 } }, "limits.cpu"],
    [{ limits: { memory: "8Gi" } }, "limits.memory"],
    [{ limits: { memory: "8 g" } }, "limits.memory"],
    [{ limits: { memory: 1 } }, "limits.memory"],
    [{ limits: { pids: 0 } }, "limits.pids"],
  ])("refuses %j", (table, key) => {
    expect(() => parseDockerSettings(table)).toThrow(
      expect.objectContaining({ code: "settings.invalid", context: { key } }),
    );
  });
});
