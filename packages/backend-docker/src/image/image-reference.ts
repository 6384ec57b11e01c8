/** The parts of an image's name, as Docker reads them. */
export interface ImageReference {
  /** The registry: `docker.io` when the name has none. */
  readonly registry: string;
  /** Without tag and digest, as it was written. */
  readonly name: string;
  /** Tag or digest: what is pulled. */
  readonly version: string;
  /** As the engine is asked for it: with a tag, `latest` when there is none, or a digest. */
  readonly whole: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/u;
const registryForm =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/u;
const tagForm = /^\w[\w.-]{0,127}$/u;
const digestForm = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/u;

/** Reads an image's name; a sentence about what is wrong with it when it is none. */
export function parseImageReference(text: string): ImageReference | { readonly wrong: string } {
  if (text === "" || text.length > 500) return { wrong: "it is empty or too long" };
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0) return { wrong: "it has more than one @" };
  if (digest !== undefined && !digestForm.test(digest)) return { wrong: `"${digest}" is no digest` };
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon > beforeDigest.lastIndexOf("/");
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  if (tag !== undefined && !tagForm.test(tag)) return { wrong: `"${tag}" is no tag` };
  const [first = "", ...rest] = name.split("/");
  const hasRegistry = rest.length > 0 && (/[.:[]/u.test(first) || first === "localhost");
  if (hasRegistry && !registryForm.test(first)) return { wrong: `"${first}" is no registry` };
  const bad = (hasRegistry ? rest : [first, ...rest]).find((part) => !component.test(part));
  if (bad !== undefined) {
    const isUpper = bad !== bad.toLowerCase() && component.test(bad.toLowerCase());
    return { wrong: isUpper ? `"${bad}" has capital letters` : `"${bad}" is no part of an image's name` };
  }
  const version = digest ?? tag ?? "latest";
  const whole = digest === undefined ? `${name}:${version}` : text;
  return { registry: hasRegistry ? canonical(first) : "docker.io", name, version, whole };
}

function canonical(registry: string): string {
  return registry === "index.docker.io" || registry === "registry-1.docker.io" ? "docker.io" : registry;
}
