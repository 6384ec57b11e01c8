import type { WiringRequest } from "./wiring-types.ts";

/** What is always reached directly: the sandbox itself. */
const own: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** Where requests go. Many programs know one spelling only: curl reads `http_proxy` in small letters alone, others only capitals. */
export function proxyVariables({ proxyUrl, noProxy = [] }: WiringRequest): Readonly<Record<string, string>> {
  const direct = [...own, ...noProxy].join(",");
  return {
    HTTP_PROXY: proxyUrl,
    http_proxy: proxyUrl,
    HTTPS_PROXY: proxyUrl,
    https_proxy: proxyUrl,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own fetch and http follow the variables above only when told so.
    NODE_USE_ENV_PROXY: "1",
  };
}
