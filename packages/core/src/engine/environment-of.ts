import type { CallOptions } from "../contract/call-options.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import { collectText } from "../support/collect-text.ts";
import { parseEnvironment } from "./session-environment.ts";

/** The environment a running sandbox gives its processes, read from one of them. */
export async function environmentOf(sandbox: Sandbox, options: CallOptions = {}): Promise<Record<string, string>> {
  const process = await sandbox.exec(["env", "-0"], { ...options, timeoutMs: 10_000 });
  const [text] = await Promise.all([collectText(process.stdout), process.stderr.cancel()]);
  await process.exit;
  return parseEnvironment(text);
}
