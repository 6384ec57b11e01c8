import { spawnSync } from "node:child_process";

/** Whether a client's test runs: it does where the client is, and where CLAUDERON_REQUIRE names it or all `clients`; elsewhere one line says why not. */
export function runsClient(name: string, probe: readonly string[]): boolean {
  const [program = "", ...argv] = probe;
  const { error, status } = spawnSync(program, argv, { stdio: "ignore" });
  if (error === undefined && status === 0) return true;
  const required = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u);
  if (required.includes("clients") || required.includes(name)) return true;
  process.stderr.write(`not run: ${name} through the proxy (\`${probe.join(" ")}\` does not work here)\n`);
  return false;
}
