import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import type { Client } from "@clauderon/core";

import { killProcess } from "./kill-process.ts";
import { ProxiedHome } from "./proxied-home.ts";

const build = path.join(import.meta.dirname, "../../../packages/guest/build-guest.ts");

/** Whether sandboxes in networks of their own can be made here, with a guest. */
export function canConfine(what: string): boolean {
  const isBuilt = (): boolean => spawnSync(process.execPath, [build, "--check"]).status === 0;
  const hasGuest = isBuilt() || (spawnSync(process.execPath, [build]).status === 0 && isBuilt());
  const confines = spawnSync("unshare", ["--net", "--mount", "ip", "link", "set", "lo", "up"]).status === 0;
  if (hasGuest && confines) return true;
  const why = `not run: ${what} (${hasGuest ? "networks of their own need root" : "no Go to build the guest with"})`;
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("go")) throw new Error(why);
  process.stdout.write(`${why}\n`);
  return false;
}

/** A home with the backend `ward`, whose sandboxes are guests in networks of their own, and a credential. */
export async function openGuestHome(carrier: string, secret: string): Promise<ProxiedHome> {
  const home = await ProxiedHome.open();
  const module = path.join(import.meta.dirname, "guest-backend.fixture.ts");
  const settings = `[backends.ward]\nmodule = "${module}"\ncarrier = "${carrier}"\n`;
  appendFileSync(path.join(home.home, "config.toml"), settings);
  home.configure();
  home.storeSecret("anthropic", secret);
  const dispose = home[Symbol.asyncDispose].bind(home);
  home[Symbol.asyncDispose] = async () => {
    endGuests(path.join(home.home, "state", "ward"));
    await dispose();
  };
  return home;
}

/** Those that a test which failed left behind. */
function endGuests(root: string): void {
  for (const sandboxId of existsSync(root) ? readdirSync(root) : []) {
    const record = path.join(root, sandboxId, "record.json");
    if (existsSync(record)) killProcess((JSON.parse(readFileSync(record, "utf8")) as { processId: number }).processId);
  }
}

/** What agents' hooks told, in order: event, tool, kind. */
export async function reportsOf(client: Client): Promise<readonly string[]> {
  const told: string[] = [];
  for await (const { body } of client.events({ since: 0, follow: false }))
    if (body.type === "agent.reported")
      told.push([body.event, body.tool, body.detail].filter((part) => part !== undefined).join(" "));
  return told;
}
