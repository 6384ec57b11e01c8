import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "../../transport/testing/recording-upstream.fixture.ts";
import { basic, identity, type tlsThrough } from "../../transport/testing/test-proxy.fixture.ts";
import { startProxyProcess, type ProxyClient } from "../proxy-client.ts";
import { endProxiesOf } from "./end-proxies.fixture.ts";

export const worldSecret = "sk-ant-REAL-7c41d2";
export const worldTarget = "api.anthropic.com:443";

/** A home, a proxy process on it, and an upstream that stands for Anthropic. */
export interface ProxyWorld extends AsyncDisposable {
  readonly root: string;
  readonly home: string;
  readonly gateway: RecordingUpstream;
  readonly client: ProxyClient;
  /** `[proxy]` and `[proxy.upstreams]` as they are at the start, with more lines of `[proxy]`. */
  configure(more?: string, rest?: string): Promise<void>;
  /** The process anew, or the one that runs. */
  start(): Promise<ProxyClient>;
  /** A session's way in. */
  access(sessionId?: string): Promise<Parameters<typeof tlsThrough>[0]>;
  log(): Promise<string>;
}

export async function openProxyWorld(): Promise<ProxyWorld> {
  const root = await mkdtemp(join(tmpdir(), "clauderon-pw-"));
  const home = join(root, "h");
  await mkdir(home, { mode: 0o700 });
  const gateway = await startRecordingUpstream({ name: "localhost" });
  await writeFile(join(root, "ca.pem"), upstreamAuthority.certificatePem);
  const configure = async (more = "", rest = ""): Promise<void> =>
    writeFile(
      join(home, "proxy.toml"),
      `[proxy]\nextra_ca = "${join(root, "ca.pem")}"\n${more}\n[proxy.upstreams]\n"api.anthropic.com" = "https://localhost:${gateway.port}"\n${rest}`,
    );
  const start = async (): Promise<ProxyClient> => {
    const environment = { PATH: process.env["PATH"], ANTHROPIC_API_KEY: worldSecret };
    return startProxyProcess({ home, userHome: root, environment });
  };
  await configure();
  const client = await start();
  return {
    root,
    home,
    gateway,
    client,
    configure,
    start,
    async access(sessionId = "s1") {
      await using running = await start();
      const { token } = await running.call("add", { identity: identity(sessionId) });
      const { port, bundlePath } = await running.call("status", {});
      return { port, authorization: basic(sessionId, token), ca: await readFile(bundlePath, "utf8") };
    },
    log: async () => readFile(join(home, "logs", "proxy.log"), "utf8"),
    async [Symbol.asyncDispose]() {
      client.close();
      await endProxiesOf(root);
      await gateway[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
