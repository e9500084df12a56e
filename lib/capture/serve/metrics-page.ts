import type { Registry } from "prom-client";

/** The pages of several engines as one: each metric's help and type once, then the lines of all of them. */
export async function metricsPage(registries: readonly Registry[]): Promise<string> {
  const pages = await Promise.all(registries.map((registry) => registry.metrics()));
  if (pages.length === 1) return pages[0];
  const lines = new Map<string, string[]>();
  for (const page of pages) {
    let name = "";
    for (const line of page.split("\n")) {
      if (line === "") continue;
      const [, kind, of] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (of !== undefined) name = of;
      const known = lines.get(name) ?? [];
      lines.set(name, known);
      if (kind === undefined || !known.includes(line)) known.push(line);
    }
  }
  return `${[...lines.values()].map((group) => group.join("\n")).join("\n\n")}\n`;
}
