export interface MetricName {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Parts of a path that say where something was measured: "tgt_3" is label target="3". */
const PLACES: readonly (readonly [string, string])[] = [
  ["tgt_", "target"],
  ["xs_", "xstream"],
  ["ctx_", "context"],
];

/**
 * The name and labels under which 2.6 exports the metric at `path`, so that dashboards go on working: a name
 * says what is measured, labels say of what ("ID: 0/io/latency/fetch/4KB/tgt_1" is io_latency_fetch with size
 * and target).
 */
export function metricName(path: string): MetricName {
  const parts = path.split("/");
  const labels: Record<string, string> = {};
  if (parts[0]?.startsWith("ID")) parts.shift();
  const names: string[] = [];
  /** Moves the next parts, if they are there, into the name. */
  const take = (count: number) => names.push(...parts.splice(0, count));
  const next = (): string | undefined => parts[0];
  const label = (name: string) => {
    const value = parts.shift();
    if (value !== undefined) labels[name] = value;
  };
  switch (next()) {
    case "pool":
      take(1);
      label("pool");
      if (next() === "ops") take(2);
      break;
    case "io": {
      const latency = parts[1] === "latency";
      take(latency || parts[1] === "ops" ? 3 : 2);
      if (latency) label("size");
      break;
    }
    case "net":
      take(1);
      if (next() === "uri") take(2);
      else label("provider");
      break;
    case "nvme":
      take(1);
      label("device");
      break;
  }
  for (const part of parts) {
    const place = PLACES.find(([prefix]) => part.startsWith(prefix));
    if (place === undefined) names.push(part);
    else labels[place[1]] = part.slice(place[0].length);
  }
  return {
    name: names
      .filter((part) => part !== "")
      .join("_")
      .replace(/[^a-zA-Z0-9]/g, "_"),
    labels,
  };
}
