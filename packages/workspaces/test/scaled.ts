/** True in `pnpm test:proof --deep`. */
export const isDeep: boolean = process.env["CLAUDERON_DEEP"] === "1";

/** How much a proof does: in each run, or by `pnpm test:proof --deep`. */
export function scaled(sizes: { readonly usual: number; readonly deep: number }): number {
  return isDeep ? sizes.deep : sizes.usual;
}
