import { expect, test } from "vitest";

import { talkWithHostileHosts } from "./hostile-host.ts";

const count = process.env["CLAUDERON_DEEP"] === "1" ? 1_000_000 : 30_000;

test("a client withstands a host that says anything", async () => {
  const { links } = await talkWithHostileHosts(count, 2);
  process.stdout.write(`hostile hosts: ${count} sayings over ${links} connections\n`);
  expect(links).toBeGreaterThan(count / 100);
});
