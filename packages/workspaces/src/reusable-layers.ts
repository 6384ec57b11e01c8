import type { GitObject, MirrorLayer } from "./mirror-manifest.ts";
import { repositoryOf } from "./repository/repository-of.ts";
import type { RepositoryView } from "./visible-refs.ts";
import type { WorkspaceTools } from "./workspace-tools.ts";

/** So many packs are searched for an object at most. */
const MAX_LAYERS = 12;

/**
 * The layers of a generation that a new one may share: from the first on, as long as everything in them can still be seen. Where the layers become many, the
 * last ones are left out, so that what they hold goes into one new pack.
 */
export async function reusableLayers(
  tools: WorkspaceTools,
  call: {
    readonly layers: readonly MirrorLayer[];
    readonly view: RepositoryView;
    /** Git directories of the old generation and of the repository: the objects of both are found. */
    readonly gitDirectory: string;
    readonly lender: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly MirrorLayer[]> {
  const { layers, view, gitDirectory, lender, signal } = call;
  if (layers.length === 0) return [];
  const visible = new Set(view.tips.map(({ object }) => object));
  const asked = layers
    .flatMap(({ tips }) => tips)
    .filter(({ object, type }) => type === "commit" && !visible.has(object));
  const request = { gitDirectory, lender, commits: asked.map(({ object }) => object), tips: [...visible] };
  const takenBack = asked.length === 0 ? new Set<string>() : await repositoryOf(tools).unreached(request, { signal });
  const isVisible = ({ object, type }: GitObject): boolean =>
    visible.has(object) || (type === "commit" && !takenBack.has(object));
  const firstHidden = layers.findIndex(({ tips }) => !tips.every(isVisible));
  return withRoom(firstHidden === -1 ? layers : layers.slice(0, firstHidden));
}

/** Packs are written anew only when what is added to them is of their size: an object is copied a few times in its life. */
export function withRoom(layers: readonly MirrorLayer[]): readonly MirrorLayer[] {
  if (layers.length < MAX_LAYERS) return layers;
  let kept = layers.length;
  let merged = 0;
  while (kept > 1) {
    const { bytes } = layers[kept - 1] ?? { bytes: 0 };
    if (merged > 0 && bytes > 2 * merged) break;
    merged += bytes;
    kept -= 1;
  }
  return layers.slice(0, kept);
}
