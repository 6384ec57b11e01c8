import type { WiringRequest } from "./wiring-types.ts";

/** Variables that name the bundle. All but `NODE_EXTRA_CA_CERTS` replace a program's own roots, which is why the bundle holds those too. */
const bundleVariables: readonly string[] = [
  // OpenSSL, Go, Ruby, uv, Claude Code, Codex
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  // Python: requests, pip, boto
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "AWS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
  "DENO_CERT",
  "CODEX_CA_CERTIFICATE",
];

export function trustVariables(request: WiringRequest): Readonly<Record<string, string>> {
  const named = bundleVariables.map((name) => [name, request.caBundlePath] as const);
  return { ...Object.fromEntries(named), ...javaVariables(request) };
}

/** Java knows neither PEM nor the proxy variables. It drops the password of a proxy for tunnels unless Basic is allowed there. */
function javaVariables({ javaTrustStore, proxyUrl, noProxy = [] }: WiringRequest): Readonly<Record<string, string>> {
  if (javaTrustStore === undefined) return {};
  const { hostname, port, protocol } = new URL(proxyUrl);
  const proxyPort = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const properties = {
    "javax.net.ssl.trustStore": javaTrustStore.path,
    "javax.net.ssl.trustStorePassword": javaTrustStore.password,
    "javax.net.ssl.trustStoreType": "PKCS12",
    "http.proxyHost": host,
    "http.proxyPort": proxyPort,
    "https.proxyHost": host,
    "https.proxyPort": proxyPort,
    "http.nonProxyHosts": ["localhost", "127.*", "[::1]", ...noProxy].join("|"),
    "jdk.http.auth.tunneling.disabledSchemes": "",
  };
  const options = Object.entries(properties).map(([name, value]) => quoted(`-D${name}=${value}`));
  return { JAVA_TOOL_OPTIONS: options.join(" ") };
}

/** The JVM splits at spaces outside quotes and knows no escape. */
function quoted(option: string): string {
  if (!/\s/.test(option)) return option;
  return option.includes('"') ? `'${option}'` : `"${option}"`;
}
