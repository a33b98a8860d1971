/** Metrics in the text form that Prometheus scrapes (exposition format 0.0.4). */

export interface Sample {
  /** Added to the family's name: "_sum". */
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "summary";
  readonly samples: readonly Sample[];
}

/** Families by name, labels by name: the same metrics always give the same text. */
export function familiesText(families: Iterable<Family>): string {
  const sorted = [...families].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(familyText).join("");
}

function familyText({ name, help, type, samples }: Family): string {
  const lines = samples.map(
    ({ suffix = "", labels, value }) => `${name}${suffix}${labelsText(labels)} ${valueText(value)}\n`,
  );
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return "";
  return `{${names.map((name) => `${name}="${escapeLabel(labels[name]!)}"`).join(",")}}`;
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

const escapeHelp = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"');

/** Collects samples into families; the first to name a family says what it is. */
export function createFamilies(): {
  add(family: Omit<Family, "samples">, sample: Sample): void;
  all(): Iterable<Family>;
} {
  const families = new Map<string, Family & { samples: Sample[] }>();
  return {
    add({ name, help, type }, sample) {
      let family = families.get(name);
      if (family === undefined) {
        family = { name, help, type, samples: [] };
        families.set(name, family);
      }
      family.samples.push(sample);
    },
    all: () => families.values(),
  };
}
