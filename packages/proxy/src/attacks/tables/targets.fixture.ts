/** Targets of a CONNECT, and URLs, that lead where no session goes. */

/** Metadata services of the clouds. */
export const metadataTargets: readonly string[] = [
  "169.254.169.254:80",
  "[fd00:ec2::254]:80",
  "100.100.100.200:80",
  "168.63.129.16:80",
  "metadata.google.internal:80",
  "metadata.goog:80",
  "METADATA.google.internal.:443",
  "instance-data:80",
];

/** The same in the absolute form. */
export const metadataUrls: readonly string[] = [
  "http://169.254.169.254/latest/meta-data/",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://100.100.100.200/latest",
  "http://[fd00:ec2::254]/latest",
  "http://168.63.129.16/",
];

/** Spellings of addresses on which resolvers do not agree. */
export const ambiguousAddresses: readonly string[] = [
  "0x7f000001:80",
  "0x7f.0.0.1:80",
  "2130706433:80",
  "127.1:80",
  "127.0.1:80",
  "0177.0.0.1:80",
  "127.000.000.001:80",
  "0:80",
  "00000000:80",
  "1.1.1.1.1:80",
  "256.0.0.1:80",
  "127.0.0.0x1:80",
  "example.0x:80",
  "example.1:80",
  "[fe80::1%25eth0]:80",
  "[fe80::1%eth0]:80",
  "[::1%25]:80",
];

/** The same in the absolute form. */
export const ambiguousAbsoluteForms: readonly string[] = [
  "http://127.1/",
  "http://0x7f000001/",
  "http://2130706433/",
  "http://0/",
  "http://[::1%25lo]/",
];

/** Addresses of this machine and of metadata services in spellings that have one canonical form. */
export const closedAddresses: readonly string[] = [
  "127.0.0.1:80",
  "127.0.0.1.:80",
  "[::1]:80",
  "[0:0:0:0:0:0:0:1]:80",
  "[::]:80",
  "[::ffff:127.0.0.1]:80",
  "[::ffff:7f00:1]:80",
  "[::FFFF:7F00:1]:80",
  "[64:ff9b::7f00:1]:80",
  "[::127.0.0.1]:80",
  "169.254.169.254:80",
  "[fd00:ec2::254]:80",
];

/** Names and addresses of this machine. */
export const loopbackTargets: readonly string[] = [
  "127.0.0.1:80",
  "127.0.0.1:3030",
  "localhost:80",
  "LOCALHOST:80",
  "localhost.:80",
  "foo.localhost:80",
  "[::1]:80",
  "[::ffff:7f00:1]:443",
  "0.0.0.0:80",
  "[::]:80",
  "[64:ff9b::7f00:1]:443",
  "ip6-localhost:80",
  "printer.local:443",
];

/** Names that normalise to something else. */
export const nonAsciiTargets: readonly string[] = [
  "①②⑦.0.0.1:80",
  "127。0。0。1:80",
  "ⓛocalhost:80",
  "ｇithub.com:443",
  "github．com:443",
  "gıthub.com:443",
  "bücher.example:443",
  "github.com\u00ad:443",
  "\u202egithub.com:443",
];

/** Ways from a container to its host. */
export const hostGateways: readonly string[] = [
  "host.docker.internal:3030",
  "gateway.docker.internal:3030",
  "host.containers.internal:3030",
  "kubernetes.docker.internal:6443",
  "172.17.0.1:3030",
  "192.168.65.7:2375",
];

/** Endpoints of clusters and container engines. */
export const clusterEndpoints: readonly string[] = [
  "kubernetes.default.svc:443",
  "kubernetes:443",
  "etcd.kube-system.svc.cluster.local:2379",
  "10.96.0.1:443",
  "10.0.0.1:10250",
  "192.168.0.10:2376",
];

/** Ports that a host without a named port does not open. */
export const foreignPorts: readonly number[] = [22, 25, 110, 3306, 5432, 6379, 8080, 8443, 9418, 1, 65_535];

/** No HOST:PORT. */
export const malformedTargets: readonly string[] = [
  "evil.example\0.github.com:443",
  "evil.example%00.github.com:443",
  "github.com\r\nX: y:443",
  "github.com\n:443",
  "github.com\t:443",
  " github.com:443",
  "github.com :443",
  "github.com: 443",
  "git hub.com:443",
  "github.com\\evil.example:443",
  "github.com/evil:443",
  "github.com?evil:443",
  "github.com#evil.example:443",
  "evil.example#.github.com:443",
  "user@github.com:443",
  "github.com@evil.example:443",
  "user:pass@github.com:443",
  "%67ithub.com:443",
  "github%2ecom:443",
  "github..com:443",
  ".github.com:443",
  "github.com..:443",
  ":443",
  ".:443",
  "github.com",
  "github.com:",
  "github.com:0",
  "github.com:0443",
  "github.com:65536",
  "github.com:443443",
  "github.com:+443",
  "github.com:-1",
  "github.com:0x1bb",
  "github.com:https",
  "github.com:443:443",
  "::1:443",
  "[::1:443",
  "::1]:443",
  "[[::1]]:443",
  "[::1]x:443",
  "[]:443",
  "[127.0.0.1]:80",
  "[github.com]:443",
  "[::ffff:127.1]:80",
  "[:::1]:80",
  "-github.com:443",
  "github-.com:443",
  "git*hub.com:443",
  "*.github.com:443",
  "http://github.com:443",
  "github.com:443/path",
  "",
  ":",
  `${"a".repeat(64)}.example:443`,
  `${"a.".repeat(130)}com:443`,
  "xn--\u0000.example:443",
  "xn--.example:443",
];

/** Hosts that end or begin like a ruled one. One row each, as `it.each` takes them. */
export const lookalikeTargets: readonly (readonly [string])[] = [
  ["github.com.evil:443"],
  ["evilgithub.com:443"],
  ["github.com.evil.example:443"],
  ["xgithub.com:443"],
  ["github.co:443"],
  ["api.github.com.evil:443"],
  ["evil.sentry.example.evil:443"],
  ["evilsentry.example:443"],
];

/** What is no http:// or https:// URL with a host. */
export const malformedAbsoluteForms: readonly string[] = [
  "/user",
  "*",
  "ftp://example.com/",
  "ws://example.com/",
  "file:///etc/passwd",
  "gopher://example.com/",
  "javascript:1",
  "example.com:80",
  "http:/example.com/",
  "http:example.com",
  "http:///example.com",
  "http:\\\\example.com\\",
  "http://user@example.com/",
  "http://user:pw@example.com/",
  "http://example.com:/",
  "http://example.com:0/",
  "http://example.com\\@evil.example/",
  "http://exa mple.com/",
  "http://example.com%2f@evil.example/",
];
