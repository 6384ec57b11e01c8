import { ClauderonError, SandboxError, UsageError } from "@clauderon/core/contract";

import { EngineError } from "../engine/engine-error.ts";
import { unreachable } from "../engine/map-docker-error.ts";

/** An image, and who named it. */
export interface WantedImage {
  readonly reference: string;
  /** `--image`, `docker.default_image in PATH:3`, or `the built-in default`. */
  readonly origin: string;
}

interface Row {
  readonly pattern: RegExp;
  readonly why: (registry: string) => string;
  readonly fix?: (registry: string) => string;
}

const login = (registry: string): string => `docker login${registry === "docker.io" ? "" : ` ${registry}`}`;

/** In the words of engines and registries; the first that fits. */
const rows: readonly Row[] = [
  {
    pattern: /toomanyrequests|rate limit/iu,
    why: (registry) => `${registry} lets you pull no more for now`,
    fix: (registry) => `log in, which allows more: ${login(registry)}`,
  },
  {
    pattern: /no matching manifest|does not match the specified platform/iu,
    why: () => "it has no variant for this machine's processor",
  },
  {
    pattern: /no basic auth credentials|unauthorized|authentication required|pull access denied|denied|forbidden/iu,
    why: (registry) => `it does not exist at ${registry}, or needs a login`,
    fix: (registry) => `log in if it is private: ${login(registry)}`,
  },
  { pattern: /manifest unknown|not found|no such image/iu, why: (registry) => `${registry} has no such image or tag` },
  { pattern: /no space left/iu, why: () => "the disk of Docker is full", fix: () => "free space: docker system prune" },
  {
    pattern:
      /no such host|connection refused|i\/o timeout|deadline exceeded|tls|x509|network is unreachable|EOF|HTTP response to HTTPS/iu,
    why: (registry) => `${registry} cannot be reached`,
    fix: () => "check the network, and the proxy of Docker's own configuration",
  },
];

/** Why an image could not be pulled. Aborts and our own errors stay what they are. */
export function pullFailed(
  error: unknown,
  {
    image,
    registry,
    note,
    socketPath,
  }: { readonly image: WantedImage; readonly registry: string; readonly note: string; readonly socketPath: string },
): unknown {
  if (ClauderonError.isInstance(error)) return error;
  if (error instanceof EngineError && error.status === undefined) return unreachable(error, socketPath);
  const said = error instanceof Error ? error.message : String(error);
  const row = rows.find(({ pattern }) => pattern.test(said));
  const reasons = [
    row?.why(registry),
    row?.fix === undefined || !/login/u.test(row.fix(registry)) ? undefined : note,
    `Docker says: ${said}`,
  ];
  const fixes = [row?.fix?.(registry), nameFix(image)].filter((fix) => fix !== undefined);
  return new SandboxError({
    message: `The image ${image.reference} (${image.origin}) could not be pulled`,
    why: reasons.filter((reason) => reason !== undefined).join("; "),
    fix: [fixes[0] ?? nameFix(image), ...fixes.slice(1)],
    context: { image: image.reference, origin: image.origin, registry },
    cause: error,
  });
}

export function notHere(image: WantedImage): SandboxError {
  return new SandboxError({
    message: `The image ${image.reference} (${image.origin}) is not on this machine`,
    why: 'the pull policy is "never"',
    fix: [`pull it by hand: docker pull ${image.reference}`, "or let it be pulled: --pull-policy if-not-present"],
    context: { image: image.reference, origin: image.origin },
  });
}

export function wrongPlatform(image: WantedImage, has: string, needs: string): SandboxError {
  return new SandboxError({
    message: `The image ${image.reference} (${image.origin}) is for ${has}; this engine runs ${needs}`,
    fix: [
      `pull its variant: docker pull --platform ${needs.replace("x64", "amd64")} ${image.reference}`,
      nameFix(image),
    ],
    context: { image: image.reference, origin: image.origin },
  });
}

export function wrongName(image: WantedImage, why: string): UsageError {
  return new UsageError({
    message: `"${image.reference}" (${image.origin}) is no image's name`,
    why,
    fix: [nameFix(image)],
    context: { image: image.reference, origin: image.origin },
  });
}

function nameFix({ origin }: WantedImage): string {
  if (origin === "--image") return "correct the name: --image NAME:TAG";
  if (origin === "the built-in default")
    return "choose another: --image NAME:TAG, or docker.default_image in config.toml";
  return `correct ${origin}`;
}
