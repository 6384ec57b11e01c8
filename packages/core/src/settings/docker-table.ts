import { readCpuLimit, readMemoryLimit, readProcessLimit } from "../support/resource-limits.ts";
import type { DockerTable, SettingValue } from "./settings.ts";

/** `[docker]` of checked values. */
export function dockerTable(values: readonly SettingValue[]): DockerTable {
  const find = (key: string): SettingValue | undefined => values.find((value) => value.key === `docker.${key}`);
  const text = (key: string): string | undefined => find(key)?.value as string | undefined;
  const quantity = (key: string, read: (text: string) => number | undefined): number | undefined =>
    read(String((find(key)?.value as string | number | undefined) ?? ""));
  const image = find("default_image");
  return {
    endpoint: text("endpoint"),
    defaultImage: text("default_image"),
    defaultImageOrigin: image?.value === undefined ? undefined : `docker.default_image in ${image.origin.place}`,
    pullPolicy: text("pull_policy") as DockerTable["pullPolicy"],
    channel: text("channel") as DockerTable["channel"],
    cpus: quantity("limits.cpu", readCpuLimit),
    memoryBytes: quantity("limits.memory", readMemoryLimit),
    processes: quantity("limits.pids", readProcessLimit),
  };
}
