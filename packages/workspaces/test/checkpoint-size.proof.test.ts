import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { checkpointRequest as request } from "./checkpoint-property.ts";
import { fixture, helpedRunner, made } from "./git-fixture.ts";

const SESSION = "session-fix";

it("many checkpoints of a tree with small changes take little more than the tree", async () => {
  const context = fixture();
  const { provider, home } = context;
  const { record } = await made(context, { sessionId: SESSION });
  const bytes = 8 * 1024 * 1024;
  const noise = await helpedRunner.run("head", ["-c", String(bytes), "/dev/urandom"], {
    maxOutputBytes: 2 * bytes,
  });
  expect(noise.exitCode).toBe(0);
  const lines = Array.from({ length: 200 }, (_, index) => noise.stdout.slice(index * 20_000, (index + 1) * 20_000));
  context.write(Object.fromEntries(lines.map((text, index) => [`data/${String(index)}`, text])), record.path);
  for (let at = 0; at < 25; at += 1) {
    context.write({ [`data/${String(at)}`]: `changed ${String(at)}\n${lines[at] ?? ""}` }, record.path);
    await provider.checkpoints.create(record, request(SESSION, `c${String(at)}`));
  }
  const tree = Number((await helpedRunner.run("du", ["-sb", record.path])).stdout.split("\t")[0]);
  const store = Number((await helpedRunner.run("du", ["-sb", join(home, "checkpoints")])).stdout.split("\t")[0]);
  expect(store).toBeLessThan(1.2 * tree);
  await provider.checkpoints.restore(record, { id: "c0", before: request(SESSION) });
  expect(readFileSync(join(record.path, "data", "1"), "utf8")).toBe(lines[1]);
});
